"""Register devices one by one, change them, say whether they may be dispatched.

For the REST door, enrolment and demos; many at once come through `importer`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from django.db import IntegrityError, transaction

from derms.accounts.selectors import get_organisation
from derms.audit.services import record
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, NotFoundError, RuleViolationError
from derms.core.ids import new_mrid
from derms.devices.models import DeviceSettings, EndDevice, EndDeviceName, Nameplate
from derms.devices.rules.device_rows import FIELDS, check_rows
from derms.devices.rules.lifecycle import require_step
from derms.devices.services.announce import announce_devices
from derms.grid.selectors import feeders_of_transformers
from derms.grid.services import UsagePointData, ensure_usage_point


@dataclass(frozen=True, slots=True, kw_only=True)
class NameplateData:
    """Ratings, SI units, all >= 0; see `models.Nameplate`. `rated_va` None = largest power."""

    rated_w: float = 0
    rated_charge_w: float = 0
    rated_va: float | None = None
    rated_var_injected: float = 0
    rated_var_absorbed: float = 0
    rated_wh: float | None = None
    ramp_w_per_s: float | None = None
    rated_voltage_v: float | None = None
    normal_category: str = ""
    abnormal_category: str = ""
    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameData:
    """A further name of a device (CIM Name, NameType, NameTypeAuthority)."""

    name: str
    name_type: str = ""
    name_type_authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceData:
    """A device as described from outside.

    Attributes:
        name: Its name, unique.
        kind: `DeviceKind`.
        owner_mrid: mRID of the organisation that owns it.
        nameplate: Ratings.
        mrid: Its mRID; empty = a new one.
        usage_point: Where it hangs; made or corrected on the way. None = not known.
        protocol: Southbound driver; empty = none.
        address: Wire address the driver understands.
        poll_interval_s: How often it is read [s].
        lifecycle_state: `LifecycleState`.
        eligible: May be dispatched.
        eligibility_reason: Why, or why not.
        names: Further names.
    """

    name: str
    kind: str
    owner_mrid: str
    nameplate: NameplateData
    mrid: str = ""
    usage_point: UsagePointData | None = None
    protocol: str = ""
    address: str = ""
    poll_interval_s: int = 5
    lifecycle_state: str = "planned"
    eligible: bool = False
    eligibility_reason: str = ""
    names: Sequence[NameData] = field(default_factory=tuple)


_PLATE = tuple(f.name for f in fields(NameplateData))
_PLAIN = ("name", "kind", "protocol", "address", "poll_interval_s")


@transaction.atomic
def register_device(*, data: DeviceData, actor: Actor) -> EndDevice:
    """Register one device with its nameplate.

    Raises:
        InvalidInputError: a value is wrong; `field` names it.
        NotFoundError: no such organisation.
        RuleViolationError: mRID, name or address is taken.
    """
    ratings = _check(data)
    now = clock.now()
    device = EndDevice(
        mrid=data.mrid or new_mrid(),
        lifecycle_state=data.lifecycle_state,
        eligible=data.eligible,
        eligibility_reason=data.eligibility_reason or _default_reason(eligible=data.eligible),
        owner_id=get_organisation(data.owner_mrid).pk,
        usage_point_id=_place(data.usage_point),
        created_at=now,
        modified_at=now,
        **{name: getattr(data, name) for name in _PLAIN},
    )
    _save(device, force_insert=True)
    Nameplate.objects.create(device=device, **ratings)
    EndDeviceName.objects.bulk_create(EndDeviceName(device=device, **asdict(n)) for n in data.names)
    record(
        action="devices.register_device",
        object_type="EndDevice",
        object_mrid=device.mrid,
        after=asdict(data) | {"mrid": device.mrid},
        actor=actor,
    )
    announce_devices([device.pk])
    return device


@transaction.atomic
def update_device(
    *, mrid: str, changes: dict[str, Any], revision: int | None = None, actor: Actor
) -> EndDevice:
    """Change some values of a device.

    Args:
        mrid: The device.
        changes: Any of `name`, `kind`, `owner_mrid`, `protocol`, `address`,
            `poll_interval_s`, `usage_point` (UsagePointData or None), `nameplate` (dict of
            ratings) and `settings` (dict of `min_soc_pct`, `max_soc_pct`).
        revision: Revision the caller saw; None = whatever it is.
        actor: Who asks.

    Raises:
        NotFoundError: no such device or organisation.
        InvalidInputError: a value is wrong; `field` names it.
        RuleViolationError: changed meanwhile (`stale_revision`), or a name or address is taken.
    """
    device = _lock(mrid, revision)
    before = describe(device)
    plate, _ = Nameplate.objects.get_or_create(
        device=device, defaults={"rated_w": 0, "rated_va": 0}
    )
    data = DeviceData(
        **{name: changes.get(name, getattr(device, name)) for name in _PLAIN},
        mrid=device.mrid,
        owner_mrid=changes.get("owner_mrid", device.owner.mrid),
        nameplate=NameplateData(
            **{name: getattr(plate, name) for name in _PLATE} | changes.get("nameplate", {})
        ),
        usage_point=changes.get("usage_point"),
        lifecycle_state=device.lifecycle_state,
        eligible=device.eligible,
    )
    ratings = _check(data)
    for name in _PLAIN:
        setattr(device, name, getattr(data, name))
    if "owner_mrid" in changes:
        device.owner_id = get_organisation(data.owner_mrid).pk
    if "usage_point" in changes:
        device.usage_point_id = _place(data.usage_point)
    for name, value in ratings.items():
        setattr(plate, name, value)
    plate.save()
    if "settings" in changes:
        _change_settings(device, changes["settings"])
    _touch(device)
    return _changed(device, "devices.update_device", before, actor)


def set_eligible(
    *,
    mrid: str | None = None,
    mrids: Sequence[str] = (),
    eligible: bool,
    reason: str,
    revision: int | None = None,
    actor: Actor,
) -> int:
    """Say whether devices may be dispatched, and why.

    Args:
        mrid: One device, or
        mrids: several; all or none are changed.
        eligible: May they be dispatched?
        reason: Why, or why not; needed when they may not.
        revision: Revision of the one device the caller saw; None = whatever it is.
        actor: Who decides.

    Returns:
        Number of devices whose eligibility or reason changed.

    Raises:
        NotFoundError: one of them does not exist.
        InvalidInputError: no reason given for taking devices out.
    """
    wanted = [mrid] if mrid is not None else list(mrids)
    if not eligible and not reason.strip():
        raise InvalidInputError("Say why the device may not be dispatched.", field="reason")
    if len(reason) > 200:
        raise InvalidInputError("The reason is longer than 200 characters.", field="reason")
    with transaction.atomic():
        devices = _lock_many(wanted, revision)
        changed = [d for d in devices if (d.eligible, d.eligibility_reason) != (eligible, reason)]
        for device in changed:
            before = {"eligible": device.eligible, "reason": device.eligibility_reason}
            device.eligible, device.eligibility_reason = eligible, reason
            _touch(device)
            record(
                action="devices.set_eligible",
                object_type="EndDevice",
                object_mrid=device.mrid,
                before=before,
                after={"eligible": eligible, "reason": reason},
                actor=actor,
            )
        announce_devices([device.pk for device in changed])
    return len(changed)


@transaction.atomic
def set_lifecycle(
    *, mrid: str, state: str, reason: str = "", revision: int | None = None, actor: Actor
) -> EndDevice:
    """Move a device along its life cycle.

    Raises:
        NotFoundError: no such device.
        InvalidInputError: no such state.
        RuleViolationError: the step is not allowed, or changed meanwhile.
    """
    try:
        FIELDS["lifecycle_state"].parse(state)
    except ValueError as error:
        raise InvalidInputError(str(error), field="state") from error
    device = _lock(mrid, revision)
    before = {"lifecycle_state": device.lifecycle_state}
    require_step(device.lifecycle_state, state)
    if device.lifecycle_state == state:
        return device
    device.lifecycle_state = state
    _touch(device)
    record(
        action="devices.set_lifecycle",
        object_type="EndDevice",
        object_mrid=device.mrid,
        before=before,
        after={"lifecycle_state": state, "reason": reason},
        actor=actor,
    )
    announce_devices([device.pk])
    return device


def describe(device: EndDevice) -> dict[str, Any]:
    """Return what the audit log keeps of a device."""
    plate = Nameplate.objects.filter(device=device).values(*_PLATE).first()
    return {
        **{name: getattr(device, name) for name in _PLAIN},
        "owner": device.owner.mrid,
        "usage_point": device.usage_point.name if device.usage_point else None,
        "nameplate": plate,
    }


def _changed(device: EndDevice, action: str, before: dict[str, Any], actor: Actor) -> EndDevice:
    device.refresh_from_db()
    record(
        action=action,
        object_type="EndDevice",
        object_mrid=device.mrid,
        before=before,
        after=describe(device),
        actor=actor,
    )
    announce_devices([device.pk])
    return device


def _change_settings(device: EndDevice, changes: dict[str, float]) -> None:
    row, _ = DeviceSettings.objects.get_or_create(device=device)
    for name in ("min_soc_pct", "max_soc_pct"):
        setattr(row, name, changes.get(name, getattr(row, name)))
    if not 0 <= row.min_soc_pct < row.max_soc_pct <= 100:
        raise InvalidInputError(
            "The least state of charge must lie below the greatest, both in 0 to 100 %.",
            field="settings/min_soc_pct",
        )
    row.save()


def _check(data: DeviceData) -> dict[str, Any]:
    """Check a device by the rules of a CSV row; return its ratings as stored."""
    point = data.usage_point or UsagePointData(name="")
    row: dict[str, Any] = {
        **{name: getattr(data, name) for name in (*_PLAIN, "mrid", "lifecycle_state", "eligible")},
        **{name: getattr(data.nameplate, name) for name in _PLATE},
        "owner": data.owner_mrid,
        "usage_point": point.name,
        **{
            name: getattr(point, name)
            for name in ("feeder", "transformer", "phase", "import_limit_w", "export_limit_w")
        },
    }
    for name, spec in FIELDS.items():
        if spec.default is ... and not row[name]:
            raise InvalidInputError(f"{name} is needed.", field=name, code="required")
    columns = {name: [row[name]] for name in FIELDS}
    errors = check_rows(columns, [0])
    if errors:
        first = errors[0]
        raise InvalidInputError(first.message, code=first.code, field=first.column)
    return {name: columns[name][0] for name in _PLATE}


def _place(point: UsagePointData | None) -> int | None:
    if point is None or not point.name:
        return None
    known = feeders_of_transformers([point.transformer])
    if known.get(point.transformer, point.feeder) != point.feeder:
        raise RuleViolationError(
            f"Transformer {point.transformer} hangs on feeder {known[point.transformer]}.",
            code="conflict",
            field="transformer",
        )
    return ensure_usage_point(point)


def _lock(mrid: str, revision: int | None) -> EndDevice:
    device = EndDevice.objects.select_for_update(of=("self",)).filter(mrid=mrid).first()
    if device is None:
        raise NotFoundError(f"There is no device {mrid}.", code="unknown_device", mrid=mrid)
    _require_revision(device, revision)
    return device


def _require_revision(device: EndDevice, revision: int | None) -> None:
    if revision is not None and device.revision != revision:
        raise RuleViolationError(
            "The device was changed meanwhile; load it again.", code="stale_revision"
        )


def _lock_many(mrids: Sequence[str], revision: int | None) -> list[EndDevice]:
    devices = list(EndDevice.objects.select_for_update().filter(mrid__in=mrids).order_by("pk"))
    missing = set(mrids) - {device.mrid for device in devices}
    if missing:
        raise NotFoundError(
            f"There is no device {min(missing)}.", code="unknown_device", missing=sorted(missing)
        )
    for device in devices:
        _require_revision(device, revision)
    return devices


def _touch(device: EndDevice) -> None:
    device.revision += 1
    device.modified_at = clock.now()
    _save(device)


def _save(device: EndDevice, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            device.save(force_insert=force_insert)
    except IntegrityError as error:
        for name, constraint in (("mrid", "mrid"), ("name", "name"), ("address", "one_per")):
            if constraint in str(error).partition("\n")[0]:
                raise RuleViolationError(
                    f"Another device has this {name}.", code="duplicate", field=name
                ) from error
        raise


def _default_reason(*, eligible: bool) -> str:
    return "" if eligible else "not yet approved"
