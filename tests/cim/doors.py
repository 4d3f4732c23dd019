"""The three doors of CIM side by side: SOAP, the typed message alone, and the generic message."""

from lxml import etree

from derms.cim import registry
from derms.devices.models import EndDevice
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    control,
    create_controls,
    create_dispatches,
    create_groups,
    dispatch,
    group,
    schedule,
)
from tests.cim.test_dispatches import report, soon
from tests.cim.test_generic import Plain, generic

DOORS = ("soap", "bare", "generic")


class Doors:
    """A DMS and another party at every door, and a utility with something in it.

    There are groups DG1 and DG2, the second without functions, a dispatch d1, a control c1 and a
    device `barred` that is not approved.
    """

    def __init__(self, dms, aggregator):
        self.soap = {False: Dms(dms), True: Dms(aggregator)}
        self.plain = {False: Plain(dms), True: Plain(aggregator)}
        members = make_devices(4)
        make_devices(1, eligible=False)
        EndDevice.objects.filter(eligible=False).update(mrid="barred")
        report(members)
        two = group("m1", "DG1", members[:3]), group("m2", "DG2", members[3:], on=())
        planned = dispatch("m1", mrid="d1", schedules=schedule((5.0,), start=soon(60)))
        connect = control("2.31.0.18", groups=["m1"], mrid="c1")
        for path, message in (
            ("create/executeDERGroups", create_groups(*two)),
            ("create/executeDERGroupDispatches", create_dispatches(planned)),
            ("create/executeEndDeviceControls", create_controls(connect)),
        ):
            assert self.send("soap", path, message).result == "OK"

    def actor(self, *, by_party=False):
        return self.soap[by_party].actor

    def send(self, door, path, message, *, by_party=False):
        """Send a typed message; the generic door gets it as a RequestMessage or EventMessage."""
        if door == "soap":
            return self.soap[by_party].post(path, message)
        root = etree.QName(etree.fromstring(message)).localname
        operation = registry.profile_of(root).operation
        if door == "bare":
            return self.plain[by_party].post(message, operation.messages)
        wrapper = "EventMessage" if operation.is_event else "RequestMessage"
        return self.plain[by_party].post(generic(message, wrapper))
