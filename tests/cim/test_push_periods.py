import datetime as dt
import zlib

import numpy as np
import pytest
from lxml import etree

from derms.accounts.selectors import actor_of_client
from derms.cim import operations, periods
from derms.cim.models import OutboundMessage, Subscription
from derms.core import clock
from derms.core.actors import Role
from derms.devices.services import store_readings
from forecasting.choices import CurveStyle
from forecasting.rules.schedule import Schedule
from forecasting.rules.told import PartyCurve
from forecasting.services import store_told_forecast
from groups.models import Membership
from groups.rules.definition import GroupData, GroupKey
from groups.services import announce_group
from tests.cim.conftest import check_reply
from tests.cim.test_meter_readings_out import roll_up
from tests.cim.test_push_groups import make_group
from tests.factories import devices
from tests.factories.partners import partner, subscription

pytestmark = pytest.mark.django_db(transaction=True)


def over(row):
    Subscription.objects.filter(pk=row.pk).update(next_at=clock.now() - dt.timedelta(seconds=1))


def forecasts_of(row):
    """Return {group: points} of a message, which must be valid."""
    root = etree.fromstring(zlib.decompress(row.body))[0][0]
    check_reply(operations.get("CreatedDERGroupForecasts").messages, root)
    return {
        forecast.findtext("{*}EndDeviceGroup/{*}mRID"): len(forecast.findall(".//{*}DERCurveData"))
        for forecast in root.iter("{*}DERGroupForecast")
    }


def test_forecasts_are_told_once_a_period(operator):
    device = devices.make_device()
    store_readings(devices.make_batch([device.pk], 1000.0))
    for name in ("a", "b"):
        make_group(operator.actor, name, [device.mrid], mrid=name)
    all_groups = subscription(noun="DERGroupForecasts", period_s=900)
    subscription(noun="DERGroupForecasts", period_s=900, groups=["b"])

    assert periods.push_due() == 2
    assert periods.push_due() == 0

    first, second = OutboundMessage.objects.order_by("id")
    assert forecasts_of(first) == {"a": 96, "b": 96}
    assert forecasts_of(second) == {"b": 96}
    assert (first.noun, first.verb, first.groups) == ("DERGroupForecasts", "created", ["a", "b"])
    all_groups.refresh_from_db()
    assert dt.timedelta(seconds=890) < all_groups.next_at - clock.now() < dt.timedelta(seconds=901)


def test_nobody_is_told_back_the_forecast_he_told(operator):
    teller = partner(Role.AGGREGATOR, kind="aggregator")
    party = actor_of_client(teller.client, source="cim")
    functions = frozenset({"realPowerDispatch"})
    announce_group(data=GroupData(mrid="p1", name="P1", functions=functions), actor=party)
    now = clock.now()
    day = Schedule(CurveStyle.CONSTANT, now, 900.0, 100)
    flat = np.full(day.points, 5000.0)
    curve = PartyCurve("activePower", day, nominal=flat, high=flat, low=flat)
    store_told_forecast(
        key=GroupKey(mrid="p1"), mrid="", created_at=now, curves=[curve], actor=party
    )
    subscription(teller, noun="DERGroupForecasts", period_s=900)
    subscription(noun="DERGroupForecasts", period_s=900)

    periods.push_due()

    row = OutboundMessage.objects.get()
    assert row.partner_id != teller.pk
    assert forecasts_of(row) == {"p1": 96}


def test_usage_is_told_once_a_period(operator):
    device = devices.make_device()
    start = roll_up(device.mrid, 2000.0, -400.0)
    group = make_group(operator.actor, "a", [device.mrid], mrid="a")
    Membership.objects.filter(group__mrid="a").update(period=(start, None))
    make_group(operator.actor, "b", [], mrid="b")
    subscription(noun="MeterReadings", period_s=900)

    assert periods.push_due() == 1
    assert periods.push_due() == 0

    row = OutboundMessage.objects.get()
    root = etree.fromstring(zlib.decompress(row.body))[0][0]
    check_reply(operations.get("CreatedMeterReadings").messages, root)
    assert (row.noun, row.verb, row.groups) == ("MeterReadings", "created", ["a", "b"])
    assert [e.text for e in root.iter("{*}value")] == ["0.0", "100.0", "500.0", "0.0"]
    assert group.mrid == root.findtext(".//{*}Meter/{*}mRID")


def test_nothing_more_while_the_last_one_waits(operator):
    make_group(operator.actor, "a", [devices.make_device().mrid])
    row = subscription(noun="DERGroupForecasts", period_s=60)
    periods.push_due()
    over(row)
    periods.push_due()
    assert OutboundMessage.objects.count() == 1

    OutboundMessage.objects.update(state="delivered")
    over(row)
    periods.push_due()

    assert OutboundMessage.objects.count() == 2


def test_an_aggregator_is_told_about_its_own_groups(operator):
    make_group(operator.actor, "a", [devices.make_device().mrid])
    subscription(partner(Role.AGGREGATOR, kind="aggregator"), "DERGroupForecasts", period_s=60)

    assert periods.push_due() == 1
    assert not OutboundMessage.objects.exists()


def test_those_without_a_period_or_switched_off_are_left_alone():
    subscription(noun="DERGroupForecasts")
    subscription(noun="DERGroupForecasts", period_s=60, active=False)
    subscription(partner(enabled=False), "DERGroupForecasts", period_s=60)
    subscription(noun="DERGroups", period_s=60)

    assert periods.push_due() == 0
