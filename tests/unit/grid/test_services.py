import pytest

from derms.grid import selectors
from derms.grid.models import Feeder, Transformer, UsagePoint
from derms.grid.services import UsagePointData, ensure_usage_point, ensure_usage_points


@pytest.fixture(autouse=True)
def _database(db):
    pass


def test_makes_what_a_usage_point_hangs_on():
    key = ensure_usage_point(
        UsagePointData(name="U1", feeder="F1", transformer="T1", phase="A", export_limit_w=5000)
    )

    point = UsagePoint.objects.get(pk=key)
    assert (point.feeder.name, point.transformer.name, point.phase) == ("F1", "T1", "A")
    assert (point.export_limit_w, point.import_limit_w) == (5000, None)
    assert point.transformer.feeder == point.feeder
    assert point.mrid


def test_corrects_what_is_there_and_says_so():
    first = UsagePointData(name="U1", feeder="F1")
    key = ensure_usage_point(first)

    assert ensure_usage_points([first]) == []
    changed = ensure_usage_points(
        [UsagePointData(name="U1", feeder="F2"), UsagePointData(name="U2", feeder="F2")]
    )

    assert changed == [key]
    assert UsagePoint.objects.get(pk=key).feeder.name == "F2"
    assert Feeder.objects.count() == 2


def test_shares_feeders_and_transformers():
    ensure_usage_points(
        [UsagePointData(name=f"U{i}", feeder="F", transformer=f"T{i % 2}") for i in range(10)]
    )

    assert (Feeder.objects.count(), Transformer.objects.count()) == (1, 2)
    assert selectors.feeders_of_transformers(["T0", "T1", "T9"]) == {"T0": "F", "T1": "F"}
    assert [feeder.name for feeder in selectors.list_feeders()] == ["F"]


def test_usage_point_without_a_feeder():
    key = ensure_usage_point(UsagePointData(name="U"))

    assert UsagePoint.objects.get(pk=key).feeder is None
    assert ensure_usage_points([]) == []
