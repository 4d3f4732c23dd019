import pytest

from derms.audit.models import AuditRecord
from derms.cim.models import OutboundMessage, Partner, Subscription
from derms.cim.push import secrets, wire
from derms.cim.pushing import Event, push
from tests.factories import accounts, partners
from tests.partner.client import Listener

pytestmark = pytest.mark.django_db

URL = "/api/v1/partners"
SECRET = "a pass word"


@pytest.fixture
def client_id():
    client, _ = accounts.client()
    return client.client_id


def body(client_id, **more):
    return {
        "client_id": client_id,
        "name": "DMS North",
        "base_url": "https://dms.example:8443/",
        "auth": "basic",
        "username": "derms",
        "secret": SECRET,
    } | more


def test_creates_a_partner_and_never_returns_the_secret(engineer, client_id):
    made = engineer.post(URL, body(client_id))

    assert made.status_code == 201
    mrid = made.json()["mrid"]
    assert made.json()["base_url"] == "https://dms.example:8443"
    assert made.json()["has_secret"] is True
    assert made.json()["state"] == "good"
    row = Partner.objects.get()
    assert secrets.unseal(row.sealed_secret) == SECRET
    read = engineer.get(f"{URL}/{mrid}")
    for said in (made.content, read.content, engineer.get(URL).content):
        assert SECRET.encode() not in said
        assert row.sealed_secret.encode() not in said
    record = AuditRecord.objects.get(action="cim.create_partner")
    assert SECRET not in str(vars(record))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"base_url": "ftp://dms/"}, "base_url"),
        ({"base_url": "http://user:word@dms/"}, "base_url"),
        ({"base_url": "http:///x"}, "base_url"),
        ({"base_url": "http://dms:99999/"}, "base_url"),
        ({"service_urls": {"ReceiveNothing": "http://dms/x"}}, "service_urls"),
        ({"service_urls": {"ReceiveDERGroups": "file:///etc/passwd"}}, "service_urls"),
        ({"reply_addresses": ["gopher://x/"]}, "reply_addresses"),
        ({"secret": ""}, "secret"),
        ({"username": ""}, "secret"),
        ({"client_id": "nobody"}, "client_id"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": 3600}, "timeout_s"),
    ],
)
def test_refuses_what_cannot_be(engineer, client_id, more, field):
    said = engineer.post(URL, body(client_id) | more)

    assert said.status_code == 422
    assert field in said.content.decode()
    assert not Partner.objects.exists()


def test_a_client_is_one_partner(engineer, client_id):
    engineer.post(URL, body(client_id))

    said = engineer.post(URL, body(client_id, name="Another"))

    assert said.status_code == 409
    assert Partner.objects.count() == 1


@pytest.fixture
def made(engineer, client_id):
    return engineer.post(URL, body(client_id)).json()


def change(engineer, mrid, revision=1, **values):
    return engineer.patch(f"{URL}/{mrid}", values, headers={"If-Match": f'"{revision}"'})


def test_changes_with_if_match_and_keeps_the_secret(engineer, made):
    before = Partner.objects.get().sealed_secret

    assert engineer.patch(f"{URL}/{made['mrid']}", {"name": "x"}).status_code == 428
    assert change(engineer, made["mrid"], 7, name="x").status_code == 412
    said = change(engineer, made["mrid"], name="DMS South", timeout_s=5)

    assert (said.status_code, said.json()["name"], said.headers["ETag"]) == (
        200,
        "DMS South",
        '"2"',
    )
    assert Partner.objects.get().sealed_secret == before


def test_a_stored_password_does_not_follow_to_another_host(engineer, made):
    said = change(engineer, made["mrid"], base_url="https://evil.example")

    assert said.status_code == 422
    assert Partner.objects.get().base_url == "https://dms.example:8443"
    again = change(engineer, made["mrid"], base_url="https://new.example", secret="other")
    assert again.status_code == 200


def test_without_credentials_nothing_of_them_is_kept(engineer, made):
    change(engineer, made["mrid"], auth="none")

    row = Partner.objects.get()
    assert (row.sealed_secret, row.username) == ("", "")


def test_operators_read_and_do_not_write(operator, engineer, made):
    assert operator.get(URL).status_code == 200
    assert operator.get(f"{URL}/{made['mrid']}").status_code == 200
    assert change(operator, made["mrid"], name="x").status_code == 403
    assert operator.post(f"{URL}/{made['mrid']}/resend").status_code == 403
    assert Partner.objects.get().revision == 1


def subscriptions(mrid):
    return f"{URL}/{mrid}/subscriptions"


def test_subscribes_changes_and_ends(engineer, made):
    said = engineer.post(
        subscriptions(made["mrid"]),
        {"noun": "DERGroupStatuses", "groups": ["g1", " g1 "], "change_w": 500, "period_s": 60},
    )
    assert said.status_code == 201
    mrid = said.json()["mrid"]
    assert said.json()["groups"] == ["g1"]

    path = f"/api/v1/subscriptions/{mrid}"
    changed = engineer.patch(path, {"change_w": None}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["change_w"]) == (200, None)
    assert len(engineer.get(subscriptions(made["mrid"])).json()) == 1
    assert engineer.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert engineer.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert not Subscription.objects.exists()
    actions = AuditRecord.objects.order_by("seq").values_list("action", flat=True)
    assert list(actions)[-3:] == [
        "cim.create_subscription",
        "cim.update_subscription",
        "cim.delete_subscription",
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"noun": "Meters"}, "noun"),
        ({"noun": "DERGroupForecasts"}, "period_s"),
        ({"noun": "MeterReadings"}, "period_s"),
        ({"noun": "MeterReadings", "period_s": 3601}, "period_s"),
        ({"noun": "DERGroups", "period_s": 60}, "period_s"),
        ({"noun": "DERGroupStatuses", "on_state": False}, "on_change"),
        ({"noun": "DERGroupStatuses", "change_w": -1}, "change_w"),
        ({"noun": "DERGroupStatuses", "period_s": 0}, "period_s"),
    ],
)
def test_refuses_subscriptions_that_cannot_be(engineer, made, values, field):
    said = engineer.post(subscriptions(made["mrid"]), values)

    assert said.status_code == 422
    assert field in said.content.decode()
    assert not Subscription.objects.exists()


def parked(**more):
    partners.subscription()
    push(Event("DERGroups", "created", "<DERGroups/>", groups=("g1",)))
    row = OutboundMessage.objects.get()
    OutboundMessage.objects.update(**{"state": "parked", "attempts": 10} | more)
    return row


def test_lists_deliveries_and_shows_one(operator):
    row = parked()

    listed = operator.get("/api/v1/deliveries", {"state": "parked", "partner": row.partner.mrid})
    other = operator.get("/api/v1/deliveries", {"state": "waiting"})
    shown = operator.get(f"/api/v1/deliveries/{row.mrid}")

    assert [each["mrid"] for each in listed.json()["results"]] == [row.mrid]
    assert other.json()["results"] == []
    assert row.message_id in shown.json()["request_xml"]
    assert shown.json()["reply_xml"] == ""


def test_sends_again_with_the_same_message_id(engineer):
    row = parked()

    said = engineer.post(f"/api/v1/deliveries/{row.mrid}/resend")

    assert said.status_code == 200
    assert (said.json()["state"], said.json()["attempts"]) == ("waiting", 0)
    assert said.json()["message_id"] == row.message_id
    assert AuditRecord.objects.filter(action="cim.resend").exists()


def test_sends_all_parked_ones_again(engineer):
    row = parked()

    said = engineer.post(f"{URL}/{row.partner.mrid}/resend")

    assert said.json() == {"messages": 1}
    assert OutboundMessage.objects.get().state == "waiting"


def test_discards_with_a_reason(engineer):
    row = parked()

    refused = engineer.post(f"/api/v1/deliveries/{row.mrid}/discard", {"reason": " "})
    said = engineer.post(f"/api/v1/deliveries/{row.mrid}/discard", {"reason": "told by phone"})
    again = engineer.post(f"/api/v1/deliveries/{row.mrid}/resend")

    assert refused.status_code == 422
    assert said.json()["state"] == "discarded"
    assert "told by phone" in said.json()["last_error"]
    assert again.status_code == 409
    assert bytes(OutboundMessage.objects.get().body) == b""


def test_tries_an_address(engineer):
    with Listener(credentials="derms:s3cret") as listener:
        row = partners.partner(
            base_url=listener.url,
            auth="basic",
            username="derms",
            sealed_secret=secrets.seal("s3cret"),
        )
        path = f"{URL}/{row.mrid}/trial"
        good = engineer.post(path, {"service": "ReceiveDERGroups"}).json()
        listener.die()
        away = engineer.post(path, {"service": "ReceiveDERGroups"}).json()
        wire.close_all()

    assert (good["reached"], good["http_status"]) == (True, 200)
    assert (away["reached"], away["http_status"]) == (False, None)
    assert away["details"]
