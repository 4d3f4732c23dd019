import numpy as np

from derms.devices.rules.limits import Capability, KindCode, PresentState
from forecasting.rules.available import available_power

NO = np.nan


def expected(kind, *, p_w, available_w=NO, soc_pct=50.0):
    one = {name: np.array([1000.0]) for name in Capability.__dataclass_fields__}
    one |= {"kind": np.array([kind], dtype="int16"), "min_soc_pct": np.array([5.0])}
    one |= {"max_soc_pct": np.array([100.0])}
    now = PresentState(
        *(np.array([v], float) for v in (p_w, available_w, soc_pct)), able=np.array([True])
    )
    got = available_power(Capability(**one), now)
    return got.low_w[0], got.high_w[0], got.undispatched_w[0]


def test_sun_persists_at_what_it_says_or_gives():
    assert expected(KindCode.PV, p_w=300, available_w=700) == (0, 700, 700)
    assert expected(KindCode.PV, p_w=300) == (0, 300, 300)
    assert expected(KindCode.WIND, p_w=NO) == (0, 1000, 1000)


def test_loads_persist_at_what_they_draw():
    assert expected(KindCode.LOAD, p_w=-400) == (-400, 0, -400)
    assert expected(KindCode.EV_CHARGER, p_w=-100, available_w=-600) == (-600, 0, -600)


def test_batteries_rest_and_guard_their_charge():
    assert expected(KindCode.BATTERY, p_w=200) == (-1000, 1000, 0)
    assert expected(KindCode.BATTERY, p_w=200, soc_pct=4) == (-1000, 0, 0)
