"""The end of an API client: at once, for good, and with everything that belongs to it."""

import pytest

from derms.accounts.models import ApiClient, ClientCertificate
from derms.accounts.services import register_certificate
from derms.alarms.models import Alarm
from derms.alarms.services import raise_alarm
from derms.audit.models import AuditRecord
from derms.cim.models import OutboundMessage, Partner
from derms.cim.pushing import Event, push
from derms.core.actors import SYSTEM
from derms.events.services import relay
from tests.certificates import pair
from tests.factories.partners import partner, subscription

pytestmark = pytest.mark.django_db


def path_of(dms, more=""):
    return f"/api/v1/api-clients/{dms.actor.mrid}{more}"


def retire(admin, dms, reason="contract ended"):
    return admin.post(path_of(dms, "/retire"), {"reason": reason})


@pytest.fixture
def told(dms):
    """A partner of the DMS with a message that waits and an alarm about it."""
    row = partner()
    Partner.objects.filter(pk=row.pk).update(
        client=ApiClient.objects.get(mrid=dms.actor.mrid), alarmed=["DERGroups"]
    )
    raise_alarm(
        kind="push_parked", priority=2, source_type="Partner", source_mrid=f"{row.mrid}:DERGroups",
        source_name=row.name, condition="parked", response="mend",
    )  # fmt: skip
    subscription(Partner.objects.get(pk=row.pk))
    assert push(Event("DERGroups", "deleted", "<x/>", groups=("g1",))) == 1
    return Partner.objects.get(pk=row.pk)


def test_client_is_refused_from_the_next_call_on(admin, dms):
    register_certificate(mrid=dms.actor.mrid, pem=pair("dms.example").pem, actor=SYSTEM)
    assert dms.get("/api/v1/groups").status_code == 200

    answer = retire(admin, dms)

    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert answer.json()["retired_at"]
    assert dms.get("/api/v1/groups").status_code == 401
    revoked = ClientCertificate.objects.get()
    assert revoked.revoked_at
    assert revoked.revoked_reason == "Client retired: contract ended"
    record = AuditRecord.objects.get(action="accounts.retire_client")
    assert (record.actor_name, record.object_mrid) == (admin.actor.name, dms.actor.mrid)
    assert "contract ended" in record.payload


def test_its_partner_ends_with_it(admin, dms, told):
    retire(admin, dms)
    assert push(Event("DERGroups", "deleted", "<x/>", groups=("g1",))) == 0, "from this moment on"
    relay()

    told.refresh_from_db()
    assert (told.enabled, told.alarmed) == (False, [])
    assert not told.subscriptions.filter(active=True).exists()
    assert OutboundMessage.objects.get().state == "discarded"
    assert Alarm.objects.get(kind="push_parked").cleared_at
    assert AuditRecord.objects.filter(action="cim.retire_partner").count() == 1
    assert admin.get("/api/v1/partners").json() == []
    assert len(admin.get("/api/v1/partners?retired=true").json()) == 1


def test_it_is_listed_only_when_asked_for(admin, dms):
    retire(admin, dms)

    assert admin.get("/api/v1/api-clients").json()["results"] == []
    (row,) = admin.get("/api/v1/api-clients?retired=true").json()["results"]
    assert row["client_id"] == dms.client_id
    assert admin.get(path_of(dms)).status_code == 200
    assert admin.get("/api/v1/conformance/partners").json() == []


def test_nothing_brings_it_back(admin, dms):
    retire(admin, dms)
    grants = admin.get(path_of(dms, "/grants")).headers["ETag"]
    pem = {"pem": pair("new.example").pem}

    answers = [
        retire(admin, dms),
        admin.patch(path_of(dms), {"is_active": True}),
        admin.post(path_of(dms, "/secret")),
        admin.post(path_of(dms, "/certificates"), pem),
        admin.put(path_of(dms, "/grants"), {"grants": []}, HTTP_IF_MATCH=grants),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "retired")] * 5
    assert not ApiClient.objects.get().is_active


def test_a_reason_is_wanted_and_only_administrators_may(admin, engineer, dms):
    assert retire(admin, dms, " ").status_code == 422
    assert retire(engineer, dms).status_code == 403
    assert ApiClient.objects.get().is_active
