"""The SunSpec points our devices have, as tables, and where each lies in the register map.

For `image.py` and `controls.py`. Written from the published SunSpec model documents; the
tests hold it against the SunSpec Alliance's own client, never against our driver.

Source: SunSpec Information Model Reference (1, 103); SunSpec DER Information Model
Specification 1.0 (701, 702, 703, 704, 713, 715).
"""

from collections.abc import Iterator
from dataclasses import dataclass

BASE_ADDRESS = 40000
MARK = b"SunS"
END_MODEL = 0xFFFF

WIDTH = {
    "int16": 1, "uint16": 1, "enum16": 1, "bitfield16": 1, "sunssf": 1, "pad": 1,
    "int32": 2, "uint32": 2, "bitfield32": 2, "acc32": 2, "uint64": 4,
}  # fmt: skip
# What a register holds when the device does not have the point (SunSpec Device Information Model).
NOT_IMPLEMENTED = {
    "int16": 0x8000, "uint16": 0xFFFF, "enum16": 0xFFFF, "bitfield16": 0xFFFF,
    "sunssf": 0x8000, "pad": 0x8000, "int32": 0x80000000, "uint32": 0xFFFFFFFF,
    "bitfield32": 0xFFFFFFFF, "acc32": 0, "uint64": 0xFFFFFFFFFFFFFFFF,
}  # fmt: skip

# One line a point: name, type, then in any order: the point holding its scale factor, `rw`
# when a client may write it, `0..n` for the legal values of an enumeration.
_POINTS = {
    1: """
        Mn string:16
        Md string:16
        Opt string:8
        Vr string:8
        SN string:16
        DA uint16
        Pad pad""",
    103: """
        A uint16 A_SF
        AphA uint16 A_SF
        AphB uint16 A_SF
        AphC uint16 A_SF
        A_SF sunssf
        PPVphAB uint16 V_SF
        PPVphBC uint16 V_SF
        PPVphCA uint16 V_SF
        PhVphA uint16 V_SF
        PhVphB uint16 V_SF
        PhVphC uint16 V_SF
        V_SF sunssf
        W int16 W_SF
        W_SF sunssf
        Hz uint16 Hz_SF
        Hz_SF sunssf
        VA int16 VA_SF
        VA_SF sunssf
        VAr int16 VAr_SF
        VAr_SF sunssf
        PF int16 PF_SF
        PF_SF sunssf
        WH acc32 WH_SF
        WH_SF sunssf
        DCA uint16
        DCA_SF sunssf
        DCV uint16
        DCV_SF sunssf
        DCW int16
        DCW_SF sunssf
        TmpCab int16 Tmp_SF
        TmpSnk int16
        TmpTrns int16
        TmpOt int16
        Tmp_SF sunssf
        St enum16
        StVnd enum16
        Evt1 bitfield32
        Evt2 bitfield32
        EvtVnd1 bitfield32
        EvtVnd2 bitfield32
        EvtVnd3 bitfield32
        EvtVnd4 bitfield32""",
    701: """
        ACType enum16
        St enum16
        InvSt enum16
        ConnSt enum16
        Alrm bitfield32
        DERMode bitfield32
        W int16 W_SF
        VA int16 VA_SF
        Var int16 Var_SF
        PF int16 PF_SF
        A int16 A_SF
        LLV uint16 V_SF
        LNV uint16 V_SF
        Hz uint32 Hz_SF
        TotWhInj uint64 TotWh_SF
        TotWhAbs uint64 TotWh_SF
        TotVarhInj uint64 TotVarh_SF
        TotVarhAbs uint64 TotVarh_SF
        TmpAmb int16 Tmp_SF
        TmpCab int16 Tmp_SF
        TmpSnk int16
        TmpTrns int16
        TmpSw int16
        TmpOt int16
        WL1 int16 W_SF
        VAL1 int16 VA_SF
        VarL1 int16 Var_SF
        PFL1 int16 PF_SF
        AL1 int16 A_SF
        VL1L2 uint16 V_SF
        VL1 uint16 V_SF
        TotWhInjL1 uint64
        TotWhAbsL1 uint64
        TotVarhInjL1 uint64
        TotVarhAbsL1 uint64
        WL2 int16 W_SF
        VAL2 int16 VA_SF
        VarL2 int16 Var_SF
        PFL2 int16 PF_SF
        AL2 int16 A_SF
        VL2L3 uint16 V_SF
        VL2 uint16 V_SF
        TotWhInjL2 uint64
        TotWhAbsL2 uint64
        TotVarhInjL2 uint64
        TotVarhAbsL2 uint64
        WL3 int16 W_SF
        VAL3 int16 VA_SF
        VarL3 int16 Var_SF
        PFL3 int16 PF_SF
        AL3 int16 A_SF
        VL3L1 uint16 V_SF
        VL3 uint16 V_SF
        TotWhInjL3 uint64
        TotWhAbsL3 uint64
        TotVarhInjL3 uint64
        TotVarhAbsL3 uint64
        ThrotPct uint16
        ThrotSrc bitfield32
        A_SF sunssf
        V_SF sunssf
        Hz_SF sunssf
        W_SF sunssf
        PF_SF sunssf
        VA_SF sunssf
        Var_SF sunssf
        TotWh_SF sunssf
        TotVarh_SF sunssf
        Tmp_SF sunssf
        MnAlrmInfo string:32""",
    702: """
        WMaxRtg uint16 W_SF
        WOvrExtRtg uint16 W_SF
        WOvrExtRtgPF uint16 PF_SF
        WUndExtRtg uint16 W_SF
        WUndExtRtgPF uint16 PF_SF
        VAMaxRtg uint16 VA_SF
        VarMaxInjRtg uint16 Var_SF
        VarMaxAbsRtg uint16 Var_SF
        WChaRteMaxRtg uint16 W_SF
        WDisChaRteMaxRtg uint16 W_SF
        VAChaRteMaxRtg uint16 VA_SF
        VADisChaRteMaxRtg uint16 VA_SF
        VNomRtg uint16 V_SF
        VMaxRtg uint16 V_SF
        VMinRtg uint16 V_SF
        AMaxRtg uint16 A_SF
        PFOvrExtRtg uint16 PF_SF
        PFUndExtRtg uint16 PF_SF
        ReactSusceptRtg uint16 S_SF
        NorOpCatRtg enum16
        AbnOpCatRtg enum16
        CtrlModes bitfield32
        IntIslandCatRtg bitfield16
        WMax uint16 W_SF rw
        WMaxOvrExt uint16 W_SF
        WOvrExtPF uint16 PF_SF
        WMaxUndExt uint16 W_SF
        WUndExtPF uint16 PF_SF
        VAMax uint16 VA_SF rw
        VarMaxInj uint16 Var_SF rw
        VarMaxAbs uint16 Var_SF rw
        WChaRteMax uint16 W_SF rw
        WDisChaRteMax uint16 W_SF rw
        VAChaRteMax uint16 VA_SF
        VADisChaRteMax uint16 VA_SF
        VNom uint16 V_SF
        VMax uint16 V_SF
        VMin uint16 V_SF
        AMax uint16 A_SF
        PFOvrExt uint16 PF_SF
        PFUndExt uint16 PF_SF
        IntIslandCat bitfield16
        W_SF sunssf
        PF_SF sunssf
        VA_SF sunssf
        Var_SF sunssf
        V_SF sunssf
        A_SF sunssf
        S_SF sunssf""",
    703: """
        ES enum16 rw 0..1
        ESVHi uint16 V_SF rw
        ESVLo uint16 V_SF rw
        ESHzHi uint32 Hz_SF rw
        ESHzLo uint32 Hz_SF rw
        ESDlyTms uint32 rw
        ESRndTms uint32 rw
        ESRmpTms uint32 rw
        ESDlyRemTms uint32
        V_SF sunssf
        Hz_SF sunssf""",
    704: """
        PFWInjEna enum16 rw 0..1
        PFWInjEnaRvrt enum16 rw 0..1
        PFWInjRvrtTms uint32 rw
        PFWInjRvrtRem uint32
        PFWAbsEna enum16 rw 0..1
        PFWAbsEnaRvrt enum16 rw 0..1
        PFWAbsRvrtTms uint32 rw
        PFWAbsRvrtRem uint32
        WMaxLimPctEna enum16 rw 0..1
        WMaxLimPct uint16 WMaxLimPct_SF rw
        WMaxLimPctRvrt uint16 WMaxLimPct_SF rw
        WMaxLimPctEnaRvrt enum16 rw 0..1
        WMaxLimPctRvrtTms uint32 rw
        WMaxLimPctRvrtRem uint32
        WSetEna enum16 rw 0..1
        WSetMod enum16 rw 0..1
        WSet int32 WSet_SF rw
        WSetRvrt int32 WSet_SF rw
        WSetPct int16 WSetPct_SF rw
        WSetPctRvrt int16 WSetPct_SF rw
        WSetEnaRvrt enum16 rw 0..1
        WSetRvrtTms uint32 rw
        WSetRvrtRem uint32
        VarSetEna enum16 rw 0..1
        VarSetMod enum16 rw 0..4
        VarSetPri enum16 rw 0..2
        VarSet int32 VarSet_SF rw
        VarSetRvrt int32 VarSet_SF rw
        VarSetPct int16 VarSetPct_SF rw
        VarSetPctRvrt int16 VarSetPct_SF rw
        VarSetEnaRvrt enum16 rw 0..1
        VarSetRvrtTms uint32 rw
        VarSetRvrtRem uint32
        WRmp uint16 rw
        WRmpRef enum16 rw 0..1
        VarRmp uint16 rw
        AntiIslEna enum16 rw 0..1
        PF_SF sunssf
        WMaxLimPct_SF sunssf
        WSet_SF sunssf
        WSetPct_SF sunssf
        VarSet_SF sunssf
        VarSetPct_SF sunssf
        PFWInj.PF uint16 PF_SF rw
        PFWInj.Ext enum16 rw 0..1
        PFWInjRvrt.PF uint16 PF_SF rw
        PFWInjRvrt.Ext enum16 rw 0..1
        PFWAbs.PF uint16 PF_SF rw
        PFWAbs.Ext enum16 rw 0..1
        PFWAbsRvrt.PF uint16 PF_SF rw
        PFWAbsRvrt.Ext enum16 rw 0..1""",
    715: """
        LocRemCtl enum16
        DERHb uint32
        ControllerHb uint32 rw
        AlarmReset uint16 rw 0..1
        OpCtl enum16 rw 0..3""",
    713: """
        WHRtg uint16 WH_SF
        WHAvail uint16 WH_SF
        SoC uint16 Pct_SF
        SoH uint16 Pct_SF
        Sta enum16
        WH_SF sunssf
        Pct_SF sunssf""",
}
STORAGE_MODEL = 713


@dataclass(frozen=True, slots=True)
class Point:
    """One point: where it lies (registers after BASE_ADDRESS) and how it is coded."""

    model: int
    name: str
    kind: str
    width: int
    column: int
    scale: str
    writable: bool
    low: int | None
    high: int | None

    @property
    def key(self) -> str:
        """Name over all models, `704.WSet`."""
        return f"{self.model}.{self.name}"

    @property
    def signed(self) -> bool:
        """Two's complement or not."""
        return self.kind in {"int16", "int32", "sunssf"}


def _parse(line: str, model: int, column: int) -> Point:
    name, kind, *rest = line.split()
    width = int(kind.partition(":")[2]) if kind.startswith("string") else WIDTH[kind]
    scale, low, high = "", None, None
    for word in rest:
        if ".." in word:
            low, high = (int(part) for part in word.split(".."))
        elif word != "rw":
            scale = f"{model}.{word}"
    return Point(model, name, kind, width, column, scale, "rw" in rest, low, high)


def _lay_out() -> tuple[dict[str, Point], dict[int, tuple[int, int]]]:
    points: dict[str, Point] = {}
    models: dict[int, tuple[int, int]] = {}
    column = len(MARK) // 2
    for model, text in _POINTS.items():
        start, column = column, column + 2
        for line in text.strip().splitlines():
            point = _parse(line, model, column)
            points[point.key] = point
            column += point.width
        models[model] = (start, column - start - 2)
    return points, models


POINTS, MODELS = _lay_out()
"""POINTS by `model.name`; MODELS: model number -> (column of its ID, length L)."""

_STORAGE_START, _STORAGE_LENGTH = MODELS[STORAGE_MODEL]
# Model 713 comes last, so that every device has one address map and those that store
# nothing simply end before it.
END_COLUMN = {False: _STORAGE_START, True: _STORAGE_START + 2 + _STORAGE_LENGTH}
COLUMNS = END_COLUMN[True] + 2


def points_in(column: int, count: int) -> Iterator[Point]:
    """Points that lie, wholly or partly, in the registers [column, column + count)."""
    for point in POINTS.values():
        if point.column < column + count and column < point.column + point.width:
            yield point
