import pytest

from derms.audit import services
from tests.factories import accounts

pytestmark = pytest.mark.django_db


def write(action="groups.create_group", mrid="g1", actor=None, **more):
    services.record(
        action=action, object_type="DerGroup", object_mrid=mrid, actor=actor or accounts.actor(),
        **more,
    )  # fmt: skip


def test_auditor_finds_records_newest_first_with_before_and_after(auditor):
    write(mrid="g1", before=None, after={"name": "North"})
    write(mrid="g2", action="groups.delete_group")

    rows = auditor.get("/api/v1/audit?object_type=DerGroup").json()["results"]

    assert [row["object_mrid"] for row in rows] == ["g2", "g1"]
    assert rows[1]["after"] == {"name": "North"}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("actor=ada", 1),
        ("action=groups.", 2),
        ("action=groups.delete", 1),
        ("object_mrid=g2", 1),
        ("outcome=refused", 0),
        ("from=2000-01-01T00:00:00Z", 2),
        ("to=2000-01-01T00:00:00Z", 0),
    ],
)
def test_search_narrows(auditor, query, count):
    write(mrid="g1", actor=accounts.actor(name="ada"))
    write(mrid="g2", action="groups.delete_group")

    rows = auditor.get(f"/api/v1/audit?object_type=DerGroup&{query}").json()["results"]

    assert len(rows) == count


def test_bad_instant_names_the_field(auditor):
    reply = auditor.get("/api/v1/audit?from=yesterday")

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == "/from"


@pytest.mark.django_db(transaction=True)
def test_verification_walks_the_chain(auditor):
    write()

    body = auditor.get("/api/v1/audit/verification").json()

    assert (body["intact"], body["faults"]) == (True, [])
    assert body["records"] >= 1


def test_operator_may_not_read_the_audit(operator):
    assert operator.get("/api/v1/audit").status_code == 403
