"""Shapes of devices and readings on the wire."""

from dataclasses import fields
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from derms.core.quantities import Quality, Quantity
from derms.devices.choices import (
    AbnormalCategory,
    ConnectionState,
    DeviceKind,
    ImportState,
    LifecycleState,
    NormalCategory,
    OperatingState,
    ReadingSource,
)
from derms.devices.selectors import list_latest
from derms.devices.services import DeviceData, NameData, NameplateData
from derms.grid.choices import Phase
from derms.grid.services import UsagePointData

QUANTITIES = [quantity.name.lower() for quantity in Quantity]
QUALITIES = [quality.name.lower() for quality in Quality]


class _Word(serializers.ChoiceField):
    """An enumeration stored as a number, shown as its name in lower case."""

    def __init__(self, enumeration: Any, **more: Any) -> None:
        self._enumeration = enumeration
        super().__init__([member.name.lower() for member in enumeration], **more)

    def to_representation(self, value: Any) -> str:
        return str(self._enumeration(value).name.lower())


class OwnerSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    name = serializers.CharField()


class UsagePointSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=80)
    feeder = serializers.CharField(source="feeder.name", default=None, read_only=True)
    transformer = serializers.CharField(source="transformer.name", default=None, read_only=True)
    phase = serializers.ChoiceField(Phase.choices)
    import_limit_w = serializers.FloatField(allow_null=True)
    export_limit_w = serializers.FloatField(allow_null=True)


class UsagePointInputSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    feeder = serializers.CharField(max_length=80, default="", allow_blank=True)
    transformer = serializers.CharField(max_length=80, default="", allow_blank=True)
    phase = serializers.ChoiceField(Phase.choices, default=Phase.ABC)
    import_limit_w = serializers.FloatField(allow_null=True, default=None)
    export_limit_w = serializers.FloatField(allow_null=True, default=None)


class NameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    name_type = serializers.CharField(max_length=80, default="", allow_blank=True)
    name_type_authority = serializers.CharField(max_length=80, default="", allow_blank=True)


class NameplateInputSerializer(serializers.Serializer[Any]):
    rated_w = serializers.FloatField(required=False)
    rated_charge_w = serializers.FloatField(required=False)
    rated_va = serializers.FloatField(required=False, allow_null=True)
    rated_var_injected = serializers.FloatField(required=False)
    rated_var_absorbed = serializers.FloatField(required=False)
    rated_wh = serializers.FloatField(required=False, allow_null=True)
    ramp_w_per_s = serializers.FloatField(required=False, allow_null=True)
    rated_voltage_v = serializers.FloatField(required=False, allow_null=True)
    normal_category = serializers.ChoiceField(
        NormalCategory.choices, required=False, allow_blank=True
    )
    abnormal_category = serializers.ChoiceField(
        AbnormalCategory.choices, required=False, allow_blank=True
    )
    manufacturer = serializers.CharField(max_length=80, required=False, allow_blank=True)
    model = serializers.CharField(max_length=80, required=False, allow_blank=True)
    serial_number = serializers.CharField(max_length=80, required=False, allow_blank=True)


class NameplateSerializer(NameplateInputSerializer):
    rated_w_over_excited = serializers.FloatField(allow_null=True)
    over_excited_pf = serializers.FloatField(allow_null=True)
    rated_w_under_excited = serializers.FloatField(allow_null=True)
    under_excited_pf = serializers.FloatField(allow_null=True)
    rated_charge_va = serializers.FloatField(allow_null=True)
    max_voltage_v = serializers.FloatField(allow_null=True)
    min_voltage_v = serializers.FloatField(allow_null=True)
    rated_current_a = serializers.FloatField(allow_null=True)
    reactive_susceptance_s = serializers.FloatField(allow_null=True)
    firmware_version = serializers.CharField()


class SettingsSerializer(serializers.Serializer[Any]):
    max_w = serializers.FloatField(allow_null=True)
    max_charge_w = serializers.FloatField(allow_null=True)
    max_va = serializers.FloatField(allow_null=True)
    max_var_injected = serializers.FloatField(allow_null=True)
    max_var_absorbed = serializers.FloatField(allow_null=True)
    ramp_w_per_s = serializers.FloatField(allow_null=True)
    min_soc_pct = serializers.FloatField()
    max_soc_pct = serializers.FloatField()
    read_at = serializers.DateTimeField(allow_null=True)


class SettingsInputSerializer(serializers.Serializer[Any]):
    min_soc_pct = serializers.FloatField(required=False)
    max_soc_pct = serializers.FloatField(required=False)


class StatusSerializer(serializers.Serializer[Any]):
    connection = _Word(ConnectionState)
    operating = _Word(OperatingState)
    alarm_bits = serializers.IntegerField()
    local_control = serializers.BooleanField()
    last_contact_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)


class LatestSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField()
    measured_at = serializers.DateTimeField()
    age_s = serializers.FloatField()
    quality = serializers.ChoiceField(QUALITIES)
    source = serializers.ChoiceField(  # type: ignore[assignment] # a field may be called source
        [source.name.lower() for source in ReadingSource]
    )
    stale = serializers.BooleanField()


class DeviceSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(DeviceKind.choices)
    lifecycle_state = serializers.ChoiceField(LifecycleState.choices)
    eligible = serializers.BooleanField()
    eligibility_reason = serializers.CharField()
    owner = OwnerSerializer()
    feeder = serializers.CharField(
        source="usage_point.feeder.name", default=None, read_only=True, allow_null=True
    )
    usage_point = UsagePointSerializer(allow_null=True)
    protocol = serializers.CharField()
    address = serializers.CharField()
    poll_interval_s = serializers.IntegerField()
    rated_w = serializers.FloatField(source="nameplate.rated_w", default=None)
    rated_charge_w = serializers.FloatField(source="nameplate.rated_charge_w", default=None)
    created_at = serializers.DateTimeField()
    modified_at = serializers.DateTimeField()
    revision = serializers.IntegerField()


class DeviceDetailSerializer(DeviceSerializer):
    names = NameSerializer(many=True)
    nameplate = NameplateSerializer(default=None)
    settings = SettingsSerializer(default=None)
    status = StatusSerializer(default=None)
    latest = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=LatestSerializer()))
    def get_latest(self, device: Any) -> dict[str, Any]:
        return list_latest(device)


class NewDeviceSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField(max_length=128, default="", allow_blank=True)
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(DeviceKind.choices)
    owner = serializers.CharField(max_length=64, help_text="mRID of the organisation.")
    nameplate = NameplateInputSerializer()
    usage_point = UsagePointInputSerializer(allow_null=True, default=None)
    protocol = serializers.CharField(max_length=32, default="", allow_blank=True)
    address = serializers.CharField(max_length=200, default="", allow_blank=True)
    poll_interval_s = serializers.IntegerField(default=5)
    names = NameSerializer(many=True, default=list)

    def to_data(self) -> DeviceData:
        """Return the validated body as the service takes it."""
        values = dict(self.validated_data)
        point = values.pop("usage_point")
        return DeviceData(
            owner_mrid=values.pop("owner"),
            nameplate=NameplateData(**values.pop("nameplate")),
            usage_point=UsagePointData(**point) if point else None,
            names=tuple(NameData(**name) for name in values.pop("names")),
            **values,
        )


class DeviceChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    kind = serializers.ChoiceField(DeviceKind.choices, required=False)
    owner = serializers.CharField(max_length=64, required=False)
    nameplate = NameplateInputSerializer(required=False)
    settings = SettingsInputSerializer(required=False)
    usage_point = UsagePointInputSerializer(allow_null=True, required=False)
    protocol = serializers.CharField(max_length=32, required=False, allow_blank=True)
    address = serializers.CharField(max_length=200, required=False, allow_blank=True)
    poll_interval_s = serializers.IntegerField(required=False)

    def to_changes(self) -> dict[str, Any]:
        """Return the validated body as the service takes it."""
        changes = dict(self.validated_data)
        if "owner" in changes:
            changes["owner_mrid"] = changes.pop("owner")
        if changes.get("usage_point"):
            changes["usage_point"] = UsagePointData(**changes["usage_point"])
        return changes


class EligibilitySerializer(serializers.Serializer[Any]):
    eligible = serializers.BooleanField()
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class LifecycleSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(LifecycleState.choices)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class RowErrorSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="As a spreadsheet counts: the header is 1.")
    column = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ImportSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    state = serializers.ChoiceField(ImportState.choices)
    dry_run = serializers.BooleanField()
    skip_bad = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)
    rows = serializers.IntegerField()
    done = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    bad = serializers.IntegerField()
    errors = RowErrorSerializer(many=True)  # type: ignore[assignment] # a field may be called errors
    warnings = serializers.ListField(child=serializers.CharField())


class ReadingSerializer(serializers.Serializer[Any]):
    device = serializers.CharField(help_text="mRID.")
    quantity = serializers.ChoiceField(QUANTITIES)
    measured_at = serializers.DateTimeField(help_text="With a time zone.")
    value = serializers.FloatField(help_text="SI base units; positive power = injection.")
    quality = serializers.ChoiceField(QUALITIES, default="good")


class BulkReadingsSerializer(serializers.Serializer[Any]):
    readings = ReadingSerializer(many=True)


class RefusedRowSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class StoredSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    repeated = serializers.IntegerField()
    late = serializers.IntegerField()
    refused = RefusedRowSerializer(many=True)


class ReadingPointSerializer(serializers.Serializer[Any]):
    measured_at = serializers.DateTimeField(required=False, help_text="Raw readings.")
    value = serializers.FloatField(required=False)
    quality = serializers.ChoiceField(QUALITIES, required=False)
    start_at = serializers.DateTimeField(required=False, help_text="Roll-ups.")
    mean = serializers.FloatField(required=False)
    minimum = serializers.FloatField(required=False)
    maximum = serializers.FloatField(required=False)
    count = serializers.IntegerField(required=False)


class ReadingsSerializer(serializers.Serializer[Any]):
    device = serializers.CharField()
    quantity = serializers.ChoiceField(QUANTITIES)
    resolution = serializers.ChoiceField(["raw", "15m"])
    truncated = serializers.BooleanField(help_text="True when older points were left out.")
    results = ReadingPointSerializer(many=True)


_PLATE_FIELDS = {field.name for field in fields(NameplateData)}
if set(NameplateInputSerializer().fields) != _PLATE_FIELDS:  # a rating somebody forgot
    raise TypeError("NameplateInputSerializer and NameplateData differ")
