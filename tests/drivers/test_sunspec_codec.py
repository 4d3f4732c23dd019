"""The SunSpec codec against the SunSpec Alliance's own implementation, and against nonsense."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.device import Model

from derms.core.errors import DriverError
from derms.southbound.contract import Command, CommandKind, SettingsReading, Target
from derms.southbound.drivers.sunspec_modbus import capacity, codec, control, layout, measure
from derms.southbound.drivers.sunspec_modbus.channel import Endpoint, parse_address

SCALES = {"W_SF": 1, "VA_SF": 0, "Var_SF": 0, "V_SF": -1, "A_SF": -2, "Hz_SF": -2, "PF_SF": -3}
TARGET = Target(1, "127.0.0.1:502/1")


def registers(model):
    """Return a pysunspec2 model's image as registers."""
    raw = model.get_mb()
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def measured(**values):
    """A 701 image built by pysunspec2."""
    model = Model(701)
    for name, value in SCALES.items():
        getattr(model, name).value = value
    for name, value in values.items():
        getattr(model, name).cvalue = value
    model.TotWhInj.value = 123456789
    return registers(model)


def part(image, span):
    return image[span.offset : span.offset + span.size]


@given(
    st.integers(-3000, 3000).map(lambda n: n * 10),
    st.integers(0, 6000).map(lambda n: n / 10),
    st.integers(4500, 6500).map(lambda n: n / 100),
)
def test_decodes_what_the_alliances_encoder_wrote(power, volts, hertz):
    image = measured(W=power, LNV=volts, Hz=hertz, InvSt=3, ConnSt=1)

    raw = codec.decode_raw(measure.AC, part(image, measure.AC))
    values = codec.scaled(measure.AC, raw, SCALES)

    assert values["W"] == power
    assert values["LNV"] == volts
    assert values["Hz"] == hertz
    assert "TotWhInj" not in values, "its scale factor is not implemented"
    assert raw["TotWhInj"] == 123456789
    assert raw["Var"] is None


def test_scale_factors_not_implemented_are_left_out():
    image = measured(W=100)
    span = codec.block(701, *codec.scale_names(701))

    assert codec.decode_scales(span, part(image, span)) == SCALES


@pytest.mark.parametrize("bad", [11, -11, 300])
def test_scale_factor_out_of_range_is_refused(bad):
    span = codec.block(713, "WH_SF", "Pct_SF")

    with pytest.raises(codec.BadReplyError, match="scale factor"):
        codec.decode_scales(span, [0, bad & 0xFFFF])


@pytest.mark.parametrize("count", [0, 1, 110, 112, 125])
def test_wrong_number_of_registers_is_refused(count):
    with pytest.raises(codec.BadReplyError, match="registers"):
        codec.decode_raw(measure.AC, [0] * count)


def test_idle_bus_is_no_measurement():
    with pytest.raises(codec.BadReplyError, match="0xFFFF"):
        codec.decode_raw(measure.AC, [0xFFFF] * measure.AC.size)


def test_moved_register_map_is_noticed():
    raw = codec.decode_raw(measure.AC, [1] * measure.AC.size)

    with pytest.raises(codec.BadReplyError, match="moved"):
        codec.check_header(701, 153, raw)


@given(st.lists(st.integers(0, 0xFFFF), min_size=measure.AC.size, max_size=measure.AC.size))
def test_any_registers_decode_to_finite_values_or_none(words):
    raw = codec.decode_raw(measure.AC, [*words[:-1], 0])

    assert all(math.isfinite(v) for v in codec.scaled(measure.AC, raw, SCALES).values())


@given(st.integers(-(2**31) + 1, 2**31 - 1), st.integers(-3, 3))
def test_encoding_is_the_inverse_of_decoding(raw, power):
    value = codec.encode_point(704, "WSet", raw * 10.0**power, {"WSet_SF": power})

    assert abs(value - raw) <= max(1, abs(raw) * 1e-12)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e12])
def test_what_does_not_fit_is_refused(value):
    with pytest.raises(DriverError):
        codec.encode_point(704, "WSet", value, {"WSet_SF": 0})


def test_not_implemented_value_is_never_written():
    with pytest.raises(DriverError, match="fit"):
        codec.encode_point(704, "WMaxLimPct", 65535, {"WMaxLimPct_SF": 0})


def test_span_with_a_hole_is_refused():
    with pytest.raises(ValueError, match="follow"):
        codec.encode_span(704, {"WSetEna": 1, "WSet": 5})


@pytest.fixture
def plant():
    """A layout as scanned from a battery of 10 kW, and its control registers as read."""
    found = layout.Layout(
        places={701: (40070, 153), 702: (40225, 50), 704: (40296, 65), 713: (40363, 7)},
        scales={704: {"WSet_SF": 1, "WMaxLimPct_SF": -1, "VarSet_SF": 0}},
        settings=SettingsReading(
            max_w=10_000,
            max_charge_w=8_000,
            base_w=10_000,
            max_var_injected=4_000,
            max_var_absorbed=3_000,
        ),
    )
    raw = dict.fromkeys((point.name for point in control.CONTROL.points), 0)
    return found, {704: raw | {"WSetPct": None, "WSetPctRvrt": 7}}


def plan(plant, kind, value=0.0):
    found, raw = plant
    command = Command(TARGET, kind, value)
    control.check_command(command, found, raw)
    return control.make_plan(command, found, raw, 300)


def test_set_point_is_one_write_with_mode_and_reversion(plant):
    ((address, words),) = plan(plant, CommandKind.SET_ACTIVE_POWER, -7_990).writes

    model = Model(704)
    start = codec.points_of(704)["WSetEna"].offset
    image = registers(model)
    image[start : start + len(words)] = words
    image[codec.points_of(704)["WSet_SF"].offset] = 1
    model.set_mb(b"".join(w.to_bytes(2, "big") for w in image))
    assert address == 40296 + start
    assert model.WSet.cvalue == -7_990
    assert (model.WSetEna.value, model.WSetMod.value) == (1, 1)
    assert (model.WSetRvrtTms.value, model.WSetEnaRvrt.value) == (300, 0)
    assert (model.WSetPct.value, model.WSetPctRvrt.value) == (None, 7)


def test_limit_is_percent_of_the_setting(plant):
    made = plan(plant, CommandKind.LIMIT_ACTIVE_POWER, 5_550)

    assert made.expect[704] == {"WMaxLimPctEna": 1, "WMaxLimPct": 555}
    (_, words) = made.writes[0]
    assert words == [1, 555, 1000, 0, 0, 300]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CommandKind.SET_ACTIVE_POWER, 10_001),
        (CommandKind.SET_ACTIVE_POWER, -8_001),
        (CommandKind.LIMIT_ACTIVE_POWER, -1),
        (CommandKind.LIMIT_ACTIVE_POWER, 10_100),
        (CommandKind.SET_REACTIVE_POWER, 4_001),
        (CommandKind.SET_REACTIVE_POWER, -3_001),
        (CommandKind.SET_ACTIVE_POWER, math.nan),
    ],
)
def test_value_outside_the_settings_is_refused(plant, kind, value):
    with pytest.raises(DriverError) as caught:
        plan(plant, kind, value)

    assert caught.value.permanent


def test_device_without_capacity_or_switch_is_not_asked(plant):
    found, raw = plant
    with pytest.raises(DriverError, match="703 nor 715"):
        plan(plant, CommandKind.DISCONNECT)
    found.settings = None
    with pytest.raises(DriverError, match="702"):
        plan((found, raw), CommandKind.SET_ACTIVE_POWER, 1.0)


def test_release_writes_only_what_is_in_force(plant):
    found, raw = plant
    raw[704] |= {"WSetEna": 1, "WMaxLimPctEna": 0, "VarSetEna": None}

    made = plan((found, raw), CommandKind.RELEASE)

    assert made.writes == ((40296 + codec.points_of(704)["WSetEna"].offset, [0]),)
    assert made.expect[704] == {"WSetEna": 0, "WMaxLimPctEna": 0}


def test_settings_stand_in_for_ratings_not_the_other_way():
    model = Model(702)
    for name, value in SCALES.items():
        if hasattr(model, name):
            getattr(model, name).value = value
    model.WMaxRtg.cvalue, model.WMax.cvalue, model.VAMaxRtg.cvalue = 10_000, 9_000, 11_000
    image = registers(model)

    raw = codec.decode_raw(capacity.CAPACITY, part(image, capacity.CAPACITY))
    values = codec.scaled(capacity.CAPACITY, raw, SCALES)

    assert (values["WMax"], values["WMaxRtg"], values["VAMaxRtg"]) == (9_000, 10_000, 11_000)
    assert "VAMax" not in values


def test_neighbouring_blocks_share_a_request(plant):
    found, _ = plant
    storage = capacity.STORAGE

    joined = layout.requests_for(found, [storage, codec.block(704, "VarSetRvrtRem")])

    assert len(joined) == 1
    assert joined[0][1] <= layout.MAX_READ


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("127.0.0.1:502/1", Endpoint("127.0.0.1", 502, 1)),
        ("inverter-7.plant:1502/247", Endpoint("inverter-7.plant", 1502, 247)),
        ("[::1]:502/0", Endpoint("::1", 502, 0)),
    ],
)
def test_reads_an_address(address, endpoint):
    assert parse_address(address) == endpoint


@pytest.mark.parametrize(
    "address",
    ["", "host", "host:502", "host:0/1", "host:65536/1", "host:502/248", "::1:502/1", "a b:1/1"],
)
def test_refuses_what_is_no_address(address):
    with pytest.raises(DriverError, match="host:port/unit"):
        parse_address(address)
