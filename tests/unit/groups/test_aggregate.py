import dataclasses
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from groups.rules.aggregate import MemberColumns, aggregate

FLOATS = [f.name for f in dataclasses.fields(MemberColumns)][:13]


def fleet(n, rng, unknown=0.1):
    columns = {name: rng.normal(0, 1e4, n) for name in FLOATS}
    for name in ("capacity_wh", "rated_w", "rated_charge_w"):
        columns[name] = np.abs(columns[name])
    columns["soc_pct"] = rng.uniform(0, 100, n)
    for name in ("active_power_w", "voltage_v", "soc_pct", "reactive_power_var"):
        columns[name][rng.random(n) < unknown] = np.nan
    return MemberColumns(
        **columns,
        good=rng.random(n) < 0.8,
        connection=rng.integers(0, 3, n),
        operating=rng.integers(0, 8, n),
    )


def recomputed(columns, members):
    """The same aggregate, member by member, in plain Python with exact summation."""
    good = [m for m in members if columns.good[m]]

    def total(name):
        values = getattr(columns, name)
        return math.fsum(values[m] for m in good if not math.isnan(values[m]))

    storing = [m for m in good if columns.capacity_wh[m] > 0 and not math.isnan(columns.soc_pct[m])]
    return {
        "active_power_w": total("active_power_w"),
        "reactive_power_var": total("reactive_power_var"),
        "available_max_w": total("max_w"),
        "available_min_w": total("min_w"),
        "installed_max_w": math.fsum(columns.rated_w[m] for m in members),
        "installed_min_w": -math.fsum(columns.rated_charge_w[m] for m in members),
        "energy_wh": math.fsum(columns.capacity_wh[m] * columns.soc_pct[m] / 100 for m in storing),
        "stale_last_w": math.fsum(
            columns.active_power_w[m]
            for m in members
            if not columns.good[m] and not math.isnan(columns.active_power_w[m])
        ),
        "members": len(members),
        "good": len(good),
        "fault": sum(columns.operating[m] == 7 for m in good),
        "connected": sum(columns.connection[m] == 2 for m in good),
    }


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_equals_recomputation_member_by_member(seed, sizes):
    rng = np.random.default_rng(seed)
    columns = fleet(80, rng)
    groups = [rng.choice(80, size, replace=False) for size in sizes]

    result = aggregate(columns, np.concatenate(groups).astype(int), np.cumsum([0, *sizes]))

    for g, members in enumerate(groups):
        for name, expected in recomputed(columns, members).items():
            ours = getattr(result, name)[g]
            assert math.isclose(ours, expected, rel_tol=1e-9, abs_tol=1e-6), name


def test_stale_member_is_never_counted_as_good():
    columns = fleet(3, np.random.default_rng(1), unknown=0)
    columns.good[:] = [True, False, True]

    result = aggregate(columns, np.arange(3), np.array([0, 3]))

    assert result.active_power_w[0] == columns.active_power_w[[0, 2]].sum()
    assert result.stale_last_w[0] == columns.active_power_w[1]
    assert (result.members[0], result.good[0], result.stale[0]) == (3, 2, 1)
    assert math.isclose(result.coverage_pct[0], 200 / 3)


def test_empty_group_has_zero_power_and_no_coverage():
    result = aggregate(fleet(2, np.random.default_rng(1)), np.array([0]), np.array([0, 0, 1]))

    assert result.active_power_w[0] == 0
    assert result.coverage_pct[0] == 0
    assert math.isnan(result.soc_pct[0])
    assert result.members.tolist() == [0, 1]


def test_apparent_power_is_that_of_the_sums():
    columns = fleet(2, np.random.default_rng(1), unknown=0)
    columns.good[:] = True
    columns.active_power_w[:] = [1000, 2000]
    columns.reactive_power_var[:] = [3000, 1000]

    result = aggregate(columns, np.arange(2), np.array([0, 2]))

    assert result.apparent_power_va[0] == 5000
