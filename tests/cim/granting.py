"""Grants for tests: clients, cases, and two groups of a utility of which one is granted."""

from derms.accounts.services import set_grants
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM, Grant
from tests.cim.conftest import make_devices
from tests.cim.messages import create_groups, group
from tests.cim.test_dispatches import report

MINE, OTHER, NEW = "mine", "other", "new"


def grant(who, *grants):
    """Grant a client (nouns, verbs, groups) triples from its next call on."""
    wanted = [Grant(*map(frozenset, each)) for each in grants]
    set_grants(mrid=who.actor.mrid, grants=wanted, actor=SYSTEM)


def refusals():
    return AuditRecord.objects.filter(outcome="refused")


CASES = ("granted", "other verb", "other noun", "other group")


def grants_for(case, noun, verb, groups):
    other_verb = "delete" if verb != "delete" else "change"
    return {
        "granted": ([noun], [verb], groups),
        "other verb": (["DERGroups"], [other_verb], groups),
        "other noun": (["EndDeviceEvents"], ["get"], groups),
        "other group": ([noun], [verb], [OTHER, f"{OTHER}-{NEW}"]),
    }[case]


def two_groups(dms_client):
    """Two groups of the utility with two devices each that have reported."""
    members = make_devices(4)
    report(members)
    made = dms_client.post(
        "create/executeDERGroups",
        create_groups(group(MINE, "Mine", members[:2]), group(OTHER, "Other", members[2:])),
    )
    assert made.result == "OK"
    return members
