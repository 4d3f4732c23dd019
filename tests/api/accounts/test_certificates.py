"""Certificates and policies of API clients over REST."""

import datetime as dt
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from derms.accounts.models import ClientCertificate
from derms.audit.models import AuditRecord
from derms.core import clock
from derms.core.actors import Role
from tests.certificates import pair
from tests.personas import Persona, system

DAY = dt.timedelta(days=1)
NO_SIGNING = x509.KeyUsage(
    digital_signature=False, key_encipherment=True, content_commitment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
    encipher_only=False, decipher_only=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def good():
    return pair("dms.example")


def certificates_of(persona):
    return f"/api/v1/api-clients/{persona.actor.mrid}/certificates"


def test_engineer_registers_rolls_over_and_revokes(engineer, dms, good):
    url = certificates_of(dms)
    first = engineer.post(url, {"pem": good.pem})
    second = engineer.post(url, {"pem": pair("dms.example", curve=ec.SECP256R1()).pem})

    assert (first.status_code, second.status_code) == (201, 201)
    shown = first.json()
    assert shown["sha256"] == good.sha256
    assert (shown["subject"], shown["issuer"], shown["key"], shown["trouble"]) == (
        "CN=dms.example", "CN=dms.example", "RSA 2048", "",
    )  # fmt: skip
    revoked = engineer.post(f"{url}/{good.sha256}/revoke", {"reason": "key lost"}).json()
    assert revoked["trouble"].startswith("was revoked at")
    listed = engineer.get(url).json()["results"]
    assert [bool(row["revoked_at"]) for row in listed] == [False, True]
    actions = AuditRecord.objects.values_list("action", flat=True)
    assert list(actions).count("accounts.register_certificate") == 2
    assert "accounts.revoke_certificate" in actions
    assert engineer.post(f"{url}/{good.sha256}/revoke", {"reason": "again"}).status_code == 409


def test_one_certificate_stands_for_one_client(engineer, dms, aggregator, good):
    engineer.post(certificates_of(dms), {"pem": good.pem})

    answer = engineer.post(certificates_of(aggregator), {"pem": good.pem})

    assert (answer.status_code, answer.json()["code"]) == (409, "taken")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: "nothing", "no X.509 certificate"),
        (lambda: pair().pem + pair().pem, "one certificate at a time"),
        (lambda: pair().key_pem, "private key"),
        (lambda: pair(bits=1024).pem, "at least 2048 bits"),
        (lambda: pair(curve=ec.SECP192R1()).pem, "at least 256 bits"),
        (lambda: pair(begins=-9 * DAY, ends=-DAY).pem, "has expired"),
        (lambda: pair(usage=NO_SIGNING).pem, "key usage"),
    ],
)
def test_bad_certificates_are_refused(engineer, dms, make, said):
    answer = engineer.post(certificates_of(dms), {"pem": make()})

    assert answer.status_code == 422
    assert answer.json()["code"] == "bad_certificate"
    assert said in answer.json()["detail"]
    assert engineer.get(certificates_of(dms)).json()["results"] == []


def test_only_engineers_and_admins(operator, dms, good):
    assert operator.post(certificates_of(dms), {"pem": good.pem}).status_code == 403
    assert dms.post(certificates_of(dms), {"pem": good.pem}).status_code == 403


def test_policy_is_set_shown_and_audited(admin, engineer, dms):
    url = f"/api/v1/api-clients/{dms.actor.mrid}"
    policy = {
        "demands": ["certificate", "password"],
        "signs_replies": False,
        "password_digest": True,
    }

    shown = admin.put(f"{url}/policy", policy).json()

    assert shown["demands"] == ["password", "certificate"]
    assert shown["password_digest"] is True
    assert admin.get(url).json()["demands"] == ["password", "certificate"]
    assert engineer.put(f"{url}/policy", policy).status_code == 403
    assert admin.put(f"{url}/policy", policy | {"demands": ["none"]}).status_code == 422
    record = AuditRecord.objects.filter(action="accounts.update_client").get()
    assert '"demands":["password","certificate"]' in record.payload.replace(" ", "")


def test_replies_are_signed_only_with_a_key(admin, dms):
    url = f"/api/v1/api-clients/{dms.actor.mrid}/policy"
    policy = {"demands": [], "signs_replies": True, "password_digest": False}

    assert admin.put(url, policy).json()["code"] == "no_signing_key"


def behind(certificate, verified="SUCCESS", **more):
    """Headers as the proxy sets them."""
    return {
        "HTTP_X_CLIENT_CERTIFICATE": quote(certificate.pem),
        "HTTP_X_CLIENT_VERIFY": verified,
        **more,
    }


@pytest.fixture
def proxied(settings):
    settings.BEHIND_PROXY = True


def test_certificate_alone_lets_its_client_in(proxied, engineer, dms, good):
    engineer.post(certificates_of(dms), {"pem": good.pem})

    answer = Persona().get("/api/v1/me", **behind(good))

    assert answer.status_code == 200
    assert answer.json()["username"] == dms.client_id


def test_headers_from_elsewhere_are_nothing(proxied, engineer, dms, good):
    engineer.post(certificates_of(dms), {"pem": good.pem})

    outside = behind(good, REMOTE_ADDR="203.0.113.9")

    assert Persona().get("/api/v1/me", **outside).status_code == 401
    assert Persona().get("/api/v1/me", **behind(good, verified="NONE")).status_code == 401
    assert Persona().get("/api/v1/me", **behind(good, verified="FAILED:expired")).status_code == 401


def test_without_a_proxy_the_header_is_nothing(engineer, dms, good):
    engineer.post(certificates_of(dms), {"pem": good.pem})

    assert Persona().get("/api/v1/me", **behind(good)).status_code == 401


def test_addresses_are_believed_from_the_proxy_only(proxied, dms, admin):
    spoof = {"HTTP_X_FORWARDED_FOR": "198.51.100.7"}

    dms.post("/api/v1/users", {}, **spoof, REMOTE_ADDR="203.0.113.9")
    dms.post("/api/v1/users", {}, **spoof)

    addresses = AuditRecord.objects.filter(outcome="refused").order_by("id")
    assert list(addresses.values_list("address", flat=True)) == ["203.0.113.9", "198.51.100.7"]


def test_certificate_of_another_client_is_refused_and_recorded(
    proxied, engineer, dms, aggregator, good
):
    engineer.post(certificates_of(aggregator), {"pem": good.pem})

    answer = dms.get("/api/v1/me", **behind(good))

    assert answer.status_code == 401
    record = AuditRecord.objects.get(action="accounts.authenticate", outcome="refused")
    assert record.actor_name == dms.client_id


def test_revoked_certificate_is_refused(proxied, engineer, dms, good):
    engineer.post(certificates_of(dms), {"pem": good.pem})
    engineer.post(f"{certificates_of(dms)}/{good.sha256}/revoke", {"reason": "lost"})

    answer = Persona().get("/api/v1/me", **behind(good))

    assert answer.status_code == 401
    assert "was revoked" in answer.json()["detail"]


def test_policy_holds_at_the_rest_door(proxied, admin, engineer, dms, good):
    engineer.post(certificates_of(dms), {"pem": good.pem})
    url = f"/api/v1/api-clients/{dms.actor.mrid}/policy"
    policy = {
        "demands": ["password", "certificate"],
        "signs_replies": False,
        "password_digest": False,
    }
    admin.put(url, policy)

    password_alone = dms.get("/api/v1/me")
    certificate_alone = Persona().get("/api/v1/me", **behind(good))
    both = dms.get("/api/v1/me", **behind(good))

    assert (password_alone.status_code, certificate_alone.status_code) == (403, 403)
    assert password_alone.json()["code"] == "mechanism_insufficient"
    assert "TLS client certificate" in password_alone.json()["detail"]
    assert both.status_code == 200
    assert AuditRecord.objects.filter(action="accounts.authenticate").count() == 2


def test_client_that_must_sign_cannot_go_round_by_rest(admin, dms):
    url = f"/api/v1/api-clients/{dms.actor.mrid}/policy"
    admin.put(url, {"demands": ["signature"], "signs_replies": False, "password_digest": False})

    answer = dms.get("/api/v1/me")

    assert answer.status_code == 403
    assert "REST cannot carry" in answer.json()["detail"]


def test_switched_off_client_is_refused_by_certificate(proxied, engineer, admin, good):
    client = system(Role.DMS)
    engineer.post(certificates_of(client), {"pem": good.pem})
    admin.patch(f"/api/v1/api-clients/{client.actor.mrid}", {"is_active": False})

    assert Persona().get("/api/v1/me", **behind(good)).status_code == 401


def register(persona, engineer, *, days):
    made = pair(f"{persona.client_id}.example", ends=days * DAY)
    engineer.post(certificates_of(persona), {"pem": made.pem})
    return made


def test_all_certificates_those_that_end_first_first(engineer, dms, aggregator):
    register(dms, engineer, days=400)
    register(aggregator, engineer, days=10)
    gone = register(dms, engineer, days=90)
    engineer.post(f"{certificates_of(dms)}/{gone.sha256}/revoke", {"reason": "key lost"})

    rows = engineer.get("/api/v1/certificates").json()["results"]

    assert [(row["client"]["client_id"], row["state"]) for row in rows] == [
        (aggregator.client_id, "ends_soon"), (dms.client_id, "revoked"), (dms.client_id, "good"),
    ]  # fmt: skip
    assert 9 < rows[0]["days_left"] < 10
    soon = engineer.get("/api/v1/certificates?state=ends_soon").json()["results"]
    assert [row["client"]["mrid"] for row in soon] == [aggregator.actor.mrid]
    found = engineer.get(f"/api/v1/certificates?q={dms.client_id}&state=good").json()["results"]
    assert len(found) == 1
    assert engineer.get("/api/v1/certificates?state=lost").status_code == 422


def test_states_of_the_list_are_those_of_the_filter(engineer, dms):
    made = register(dms, engineer, days=400)
    now = clock.now()
    for state, values in {
        "early": {"not_before": now + DAY, "not_after": now + 2 * DAY},
        "expired": {"not_before": now - 9 * DAY, "not_after": now - DAY},
        "ends_soon": {"not_before": now - DAY, "not_after": now + 29 * DAY},
        "good": {"not_before": now - DAY, "not_after": now + 31 * DAY},
    }.items():
        ClientCertificate.objects.filter(sha256=made.sha256).update(**values)
        for asked in ("early", "expired", "ends_soon", "good", "revoked"):
            rows = engineer.get(f"/api/v1/certificates?state={asked}").json()["results"]
            assert [row["state"] for row in rows] == ([state] if asked == state else [])


def test_operators_do_not_see_certificates(operator):
    assert operator.get("/api/v1/certificates").status_code == 403
