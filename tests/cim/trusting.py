"""Messages that show who sends them, and what a refused one must have left behind."""

import datetime as dt

from django.test import Client
from lxml import etree

from derms.accounts.services import update_client
from derms.accounts.services.clients import Policy
from derms.audit.models import AuditRecord
from derms.cim.models import CimMessage
from derms.core.actors import SYSTEM
from groups.models import DerGroup
from tests.cim.messages import create_groups, group, soap

PATH = "/61968-5/create/executeDERGroups"
DAY = dt.timedelta(days=1)


def demand(persona, *demands, **more):
    policy = Policy(demands=frozenset(demands), **more)
    update_client(mrid=persona.actor.mrid, policy=policy, actor=SYSTEM)


def message(name="G", **more):
    return soap(create_groups(group(f"m-{name}", name), **more))


def post(body, authorization="", path=PATH, **more):
    headers = {"HTTP_AUTHORIZATION": authorization} if authorization else {}
    return Client(**headers).post(path, body, content_type="text/xml", **more)


def code_of(response):
    return etree.fromstring(response.content).findtext(".//{*}code")


def details_of(response):
    return etree.fromstring(response.content).findtext(".//{*}details")


def assert_refused(response, code, said, fault=""):
    """A fault with a 7.x code and one sentence, one audit record, and nothing changed."""
    assert response.status_code == 500, response.content
    assert code_of(response) == code
    assert said in details_of(response)
    assert fault in etree.fromstring(response.content).findtext(".//faultcode")
    assert AuditRecord.objects.filter(outcome="refused").count() == 1
    assert AuditRecord.objects.get(outcome="refused").payload.count(said) == 1
    assert DerGroup.objects.count() == 0
    assert CimMessage.objects.get().code == code


def altered(envelope):
    envelope.find(".//{*}EndDeviceGroup/{*}mRID").text = "evil"
