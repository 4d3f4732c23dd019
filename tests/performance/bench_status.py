"""Group status of 100,000 members against `SELECT sum(p)` over as many rows, and against numpy."""

import numpy as np
from django.db import connection

from groups.rules.aggregate import MemberColumns, aggregate
from tests.performance.report import Row, median_s

N = 100_000
_FLOATS = (
    "active_power_w", "reactive_power_var", "voltage_v", "soc_pct", "capacity_wh", "min_w",
    "max_w", "min_var", "max_var", "rated_w", "rated_charge_w", "rated_var_injected",
    "rated_var_absorbed",
)  # fmt: skip


def _columns(rng: np.random.Generator) -> MemberColumns:
    return MemberColumns(
        **{name: rng.uniform(0, 1e4, N) for name in _FLOATS},
        good=rng.random(N) < 0.98,
        connection=rng.integers(0, 3, N),
        operating=rng.integers(0, 8, N),
    )


def _sum_in_sql() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(p) FROM bench_status")
        return float(cursor.fetchone()[0])


def run() -> list[Row]:
    rng = np.random.default_rng(1)
    columns = _columns(rng)
    positions = rng.permutation(N)
    one = np.array([0, N])
    thousand = np.arange(0, N + 1, 100)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bench_status AS SELECT random() * 1e4 AS p"
                       " FROM generate_series(1, %s)", [N])  # fmt: skip
        cursor.execute("ANALYZE bench_status")
    sql = median_s(_sum_in_sql, rounds=15)
    plain = median_s(columns.active_power_w.sum, rounds=15)
    group = median_s(lambda: aggregate(columns, positions, one), rounds=15)
    groups = median_s(lambda: aggregate(columns, positions, thousand), rounds=15)
    checked = aggregate(columns, positions, one).active_power_w[0]
    assert np.isclose(checked, columns.active_power_w[columns.good].sum(), rtol=1e-9)
    return [
        Row("status of one group of 100,000", group * 1e3, sql * 1e3, "ms", "SELECT sum(p)",
            "<= 50 ms per tick", group <= 0.05),
        Row("  all 25 figures against one numpy sum", group * 1e3, plain * 1e3, "ms", "numpy sum"),
        Row("status of 1,000 groups of 100", groups * 1e3, sql * 1e3, "ms", "SELECT sum(p)",
            "<= 50 ms per tick", groups <= 0.05),
    ]  # fmt: skip
