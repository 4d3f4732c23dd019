"""Shapes of groups on REST."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from derms.accounts.rules.grants import is_granted
from derms.accounts.selectors import actor_of
from groups.choices import DerFunction
from groups.rules.definition import (
    GroupChange,
    GroupData,
    MemberKeys,
    Name,
    Version,
    flags_from_functions,
    functions_from_flags,
)
from groups.selectors import Group, Told, find_status, find_told, party_of, status_row


@extend_schema_serializer(component_name="GroupName")
class NameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    name_type = serializers.CharField(max_length=80, default="", allow_blank=True)
    name_type_authority = serializers.CharField(max_length=80, default="", allow_blank=True)


class VersionSerializer(serializers.Serializer[Any]):
    major = serializers.IntegerField(allow_null=True, default=None)
    minor = serializers.IntegerField(allow_null=True, default=None)
    revision = serializers.IntegerField(allow_null=True, default=None)
    date = serializers.DateTimeField(allow_null=True, default=None)


class FunctionsSerializer(serializers.Serializer[Any]):
    """The nine DERFunction flags."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {f.value: serializers.BooleanField(default=False) for f in DerFunction}


class CountsSerializer(serializers.Serializer[Any]):
    connected = serializers.IntegerField()
    disconnected = serializers.IntegerField()
    running = serializers.IntegerField()
    throttled = serializers.IntegerField()
    fault = serializers.IntegerField()


class GroupStatusSerializer(serializers.Serializer[Any]):
    """Aggregate of a group at the last tick; W, var, VA, Wh, percent; positive = injection."""

    mrid = serializers.CharField()
    at = serializers.DateTimeField()
    active_power_w = serializers.FloatField()
    reactive_power_var = serializers.FloatField()
    apparent_power_va = serializers.FloatField()
    available_max_w = serializers.FloatField()
    available_min_w = serializers.FloatField()
    available_max_var = serializers.FloatField()
    available_min_var = serializers.FloatField()
    installed_max_w = serializers.FloatField()
    installed_min_w = serializers.FloatField()
    installed_max_var = serializers.FloatField()
    installed_min_var = serializers.FloatField()
    energy_wh = serializers.FloatField()
    energy_capacity_wh = serializers.FloatField()
    soc_pct = serializers.FloatField(allow_null=True)
    voltage_v = serializers.FloatField(allow_null=True)
    members = serializers.IntegerField()
    good = serializers.IntegerField()
    stale = serializers.IntegerField()
    stale_last_w = serializers.FloatField()
    coverage_pct = serializers.FloatField()
    counts = CountsSerializer()


class ToldValueSerializer(serializers.Serializer[Any]):
    """One quantity as its party told it; SI, positive = injection, null = not told."""

    parameter = serializers.CharField(help_text="DERParameterKind.")
    at = serializers.DateTimeField()
    nominal = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    installed_max = serializers.FloatField(allow_null=True)
    installed_min = serializers.FloatField(allow_null=True)


class ToldStatusSerializer(serializers.Serializer[Any]):
    """What another party told of its group; never measured by us."""

    party = serializers.CharField()
    received_at = serializers.DateTimeField()
    at = serializers.DateTimeField()
    stale = serializers.BooleanField()
    state = serializers.CharField()
    reason = serializers.CharField()
    values = ToldValueSerializer(many=True)


def told_row(told: Told) -> dict[str, Any]:
    """Return what a party told as REST gives it."""
    plain = ("party", "received_at", "at", "stale", "state", "reason")
    values = [{"parameter": name, **value} for name, value in told.values.items()]
    return {name: getattr(told, name) for name in plain} | {"values": values}


class GroupSerializer(serializers.Serializer[Any]):
    """A group as it is read."""

    mrid = serializers.CharField()
    name = serializers.CharField()
    names = NameSerializer(many=True)
    description = serializers.CharField()
    functions = FunctionsSerializer()
    version = VersionSerializer()
    owner = serializers.CharField(source="owner.name")
    party = serializers.CharField(
        allow_null=True, help_text="Who told us of the group; null for the groups we manage."
    )
    told = serializers.SerializerMethodField()
    member_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    modified_at = serializers.DateTimeField()
    revision = serializers.IntegerField()
    status = serializers.SerializerMethodField()

    def to_representation(self, instance: Group) -> dict[str, Any]:
        flags = flags_from_functions(frozenset(map(DerFunction, instance.functions)))
        version = {
            "major": instance.version_major,
            "minor": instance.version_minor,
            "revision": instance.version_revision,
            "date": instance.version_date,
        }
        plain = ("mrid", "name", "description", "member_count", "created_at", "modified_at",
                 "revision")  # fmt: skip
        return {name: getattr(instance, name) for name in plain} | {
            "names": NameSerializer(instance.names.all(), many=True).data,
            "functions": flags,
            "version": version,
            "owner": instance.owner.name,
            "party": party_of(instance),
            "told": self.get_told(instance),
            "status": self.get_status(instance),
        }

    def _shows_status(self, group: Group) -> bool:
        """Say whether the caller may get the status of a group beside its definition."""
        actor = actor_of(self.context["request"])
        return is_granted(actor, "DERGroupStatuses", "get", group.mrid)

    @extend_schema_field(ToldStatusSerializer(allow_null=True))
    def get_told(self, group: Group) -> dict[str, Any] | None:
        told = find_told(group) if group.announced_by and self._shows_status(group) else None
        return told_row(told) if told else None

    @extend_schema_field(GroupStatusSerializer(allow_null=True))
    def get_status(self, group: Group) -> dict[str, Any] | None:
        status = find_status(group) if self._shows_status(group) else None
        return status_row(status) if status else None


class _Writer(serializers.Serializer[Any]):
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    functions = FunctionsSerializer(required=False)
    version = VersionSerializer(required=False)

    def to_functions(self) -> frozenset[DerFunction] | None:
        flags = self.validated_data.get("functions")
        return None if flags is None else functions_from_flags(flags)

    def to_version(self) -> Version | None:
        version = self.validated_data.get("version")
        return None if version is None else Version(**version)


class MridsField(serializers.ListField):
    """Device mRIDs, none by default."""

    child = serializers.CharField(max_length=128)

    def __init__(self, **more: Any) -> None:
        super().__init__(default=list, max_length=200_000, **more)


class GroupCreateSerializer(_Writer):
    """A group to be created; without an mRID one is assigned."""

    mrid = serializers.CharField(max_length=128, required=False)
    name = serializers.CharField(max_length=200)
    names = NameSerializer(many=True, required=False)
    members = MridsField()

    def to_data(self) -> GroupData:
        values = self.validated_data
        return GroupData(
            mrid=values.get("mrid", ""),
            name=values["name"],
            names=tuple(Name(**name) for name in values.get("names", ())),
            description=values.get("description", ""),
            functions=self.to_functions() or frozenset(),
            version=self.to_version(),
            members=MemberKeys(mrids=tuple(values["members"])),
        )


class GroupPatchSerializer(_Writer):
    """What to change of a group; what is left out stays as it is."""

    name = serializers.CharField(max_length=200, required=False)

    def to_change(self) -> GroupChange:
        values = self.validated_data
        return GroupChange(
            name=values.get("name"),
            description=values.get("description"),
            functions=self.to_functions(),
            version=self.to_version(),
        )


class MembersChangeSerializer(serializers.Serializer[Any]):
    """Devices to add to and to remove from a group, by mRID."""

    add = MridsField()
    remove = MridsField()

    def to_change(self) -> GroupChange:
        values = self.validated_data
        return GroupChange(
            add=MemberKeys(mrids=tuple(values["add"])),
            remove=MemberKeys(mrids=tuple(values["remove"])),
        )


@extend_schema_serializer(component_name="GroupMember")
class MemberSerializer(serializers.Serializer[Any]):
    """A member device with its present values; None = not known."""

    mrid = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    feeder = serializers.CharField(allow_null=True)
    rated_w = serializers.FloatField()
    rated_charge_w = serializers.FloatField()
    p_w = serializers.FloatField(allow_null=True)
    q_var = serializers.FloatField(allow_null=True)
    soc_pct = serializers.FloatField(allow_null=True)
    measured_at = serializers.DateTimeField(allow_null=True)
    quality = serializers.CharField()
    stale = serializers.BooleanField()


class GroupUsageSerializer(serializers.Serializer[Any]):
    """Usage of a group in one quarter-hour, energies in Wh or varh, both >= 0."""

    start_at = serializers.DateTimeField()
    injected = serializers.FloatField()
    absorbed = serializers.FloatField()
    measured = serializers.IntegerField()
    members = serializers.IntegerField()


class TrendSampleSerializer(serializers.Serializer[Any]):
    """One sample of a group's history."""

    at = serializers.DateTimeField()
    active_power_w = serializers.FloatField()
    reactive_power_var = serializers.FloatField()
    available_max_w = serializers.FloatField()
    available_min_w = serializers.FloatField()
    soc_pct = serializers.FloatField(allow_null=True)
    coverage_pct = serializers.FloatField()
