"""Partners that show certificates, to nginx or in a signature: they pass; days left are told."""

import datetime as dt

import pytest
from django.test import Client

from derms.accounts.services import register_certificate, update_client
from derms.accounts.services.clients import Policy
from derms.cim.models import CimMessage
from derms.core import clock
from derms.core.actors import SYSTEM
from tests.certificates import pair
from tests.cim.test_nginx import NGINX, Caller, authority, front
from tests.cim.wss import Sender

__all__ = ["authority", "front"]
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def known(partner, *certificates, demands=()):
    for each in certificates:
        register_certificate(mrid=partner.actor.mrid, pem=each.pem, actor=SYSTEM)
    policy = Policy(demands=frozenset(demands))
    update_client(mrid=partner.actor.mrid, policy=policy, actor=SYSTEM)


@pytest.mark.django_db
def test_a_partner_that_signs_passes_and_its_days_are_told(partner, bench):
    signer = pair("dms.example", ends=20 * DAY + HOUR)
    known(partner, signer, demands=["signature"])
    on = bench()
    shown = on.shown("create")

    signed = Sender(signer).sign(shown.sample.encode())
    Client().post(f"/{shown.address}", signed, content_type="text/xml")

    step = on.step("create")
    assert (step.state, step.difference) == ("passed", "")
    assert CimMessage.objects.get(mrid=step.message_mrid).proofs == "signature"
    assert on.run.certificate_days == 20


@pytest.mark.django_db
def test_a_signature_that_is_demanded_and_missing_is_named(partner, bench):
    known(partner, pair("dms.example"), demands=["signature"])
    on = bench()
    shown = on.shown("create")

    on.send(shown.address, shown.sample.encode())

    difference = on.step("create").difference
    assert difference.startswith("The reply is FAULT 7.3 ("), difference
    assert "signature" in difference


@pytest.mark.django_db
def test_an_altered_signed_message_is_named(partner, bench):
    signer = pair("dms.example")
    known(partner, signer, demands=["signature"])
    on = bench()
    shown = on.shown("create")

    signed = Sender(signer).sign(shown.sample.encode()).replace(b"BENCH-", b"OTHER-")
    on.send(shown.address, signed)

    assert on.step("create").difference.startswith("The reply is FAULT 7.4 (")


@pytest.mark.django_db
def test_a_message_nobody_can_be_held_to_is_nobody_s(partner, bench, time_machine):
    on = bench()
    shown = on.shown("create")

    said = Client().post(f"/{shown.address}", shown.sample, content_type="text/xml")

    assert said.status_code == 401
    assert on.step("create").state == "waiting"
    time_machine.move_to(clock.now() + 2 * HOUR)
    assert on.step("create").difference == (
        "No CreateDERGroups of yours came in time; one without good credentials (HTTP 401, fault "
        "7.x) is nobody's"
    )


@pytest.mark.django_db
def test_days_are_those_of_the_certificate_that_lasts_longest(partner, bench):
    known(partner, pair("old", ends=5 * DAY + HOUR), pair("new", ends=300 * DAY + HOUR))

    assert bench().run.certificate_days == 300


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.django_db(transaction=True)
def test_a_partner_with_a_tls_certificate_through_nginx(partner, bench, front, authority, tmp_path):
    certificate = pair("dms.test", issuer=authority, ends=40 * DAY + HOUR)
    known(partner, certificate, demands=["certificate"])
    on = bench()
    shown = on.shown("create")

    caller = Caller(front[0], authority, tmp_path)
    status, content = caller.post(shown.sample.encode(), certificate)

    step = on.step("create")
    assert status == 200, content
    assert (step.state, step.difference) == ("passed", "")
    assert CimMessage.objects.get(mrid=step.message_mrid).proofs == "certificate"
    assert on.run.certificate_days == 40
