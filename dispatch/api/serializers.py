"""Shapes of dispatches on REST. Powers in W or var, positive = injection."""

from typing import Any

from rest_framework import serializers

from dispatch.choices import (
    CurveStyle,
    DerParameter,
    DispatchState,
    EndBehaviour,
    TrackingState,
)
from dispatch.rules.request import MAX_VALUES, DispatchData
from groups.rules.definition import GroupKey


class DispatchRequestSerializer(serializers.Serializer[Any]):
    """What to dispatch; a start of null means now."""

    mrid = serializers.CharField(max_length=128, required=False)
    group = serializers.CharField(max_length=128, help_text="mRID of the group.")
    parameter = serializers.ChoiceField(DerParameter.choices, default=DerParameter.ACTIVE_POWER)
    curve_style = serializers.ChoiceField(CurveStyle.choices, default=CurveStyle.CONSTANT)
    start_at = serializers.DateTimeField(allow_null=True, default=None)
    interval_s = serializers.FloatField()
    values = serializers.ListField(
        child=serializers.FloatField(), min_length=1, max_length=MAX_VALUES
    )
    priority = serializers.IntegerField(min_value=1, max_value=5, default=3)
    allow_partial = serializers.BooleanField(default=True)
    end_behaviour = serializers.ChoiceField(EndBehaviour.choices, default=EndBehaviour.RELEASE)
    name = serializers.CharField(max_length=200, allow_blank=True, default="")
    comment = serializers.CharField(max_length=500, allow_blank=True, default="")

    def to_data(self) -> DispatchData:
        fields = dict(self.validated_data)
        key = GroupKey(mrid=fields.pop("group"))
        return DispatchData(group=key, **fields | {"values": tuple(fields["values"])})


class DispatchSerializer(serializers.Serializer[Any]):
    """A dispatch, how it stands and what it delivers."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `source` means something else to serializer fields, so it cannot be a class attribute.
        return super().get_fields() | {"source": serializers.CharField()}

    mrid = serializers.CharField()
    journal_key = serializers.UUIDField(help_text="Origin of its commands.")
    name = serializers.CharField()
    group_mrid = serializers.CharField()
    group_name = serializers.CharField()
    parameter = serializers.ChoiceField(DerParameter.choices)
    curve_style = serializers.ChoiceField(CurveStyle.choices)
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    interval_s = serializers.FloatField()
    values = serializers.ListField(child=serializers.FloatField())
    priority = serializers.IntegerField()
    allow_partial = serializers.BooleanField()
    end_behaviour = serializers.ChoiceField(EndBehaviour.choices)
    comment = serializers.CharField()
    state = serializers.ChoiceField(DispatchState.choices)
    tracking = serializers.ChoiceField(TrackingState.choices)
    state_reason = serializers.CharField()
    deliverable = serializers.ListField(child=serializers.FloatField())
    superseded_by = serializers.CharField()
    revision = serializers.IntegerField()
    target_now = serializers.FloatField(allow_null=True)
    commanded_now = serializers.FloatField(allow_null=True)
    measured_now = serializers.FloatField(allow_null=True)
    headroom_now = serializers.FloatField(allow_null=True)
    members = serializers.IntegerField()
    members_delivering = serializers.IntegerField()
    members_limited = serializers.IntegerField()
    members_silent = serializers.IntegerField()
    requested_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)
    first_tracked_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class CancelSerializer(serializers.Serializer[Any]):
    """Why a dispatch is cancelled."""

    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class IntervalSerializer(serializers.Serializer[Any]):
    """One point of the schedule: asked, and what the group could do."""

    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField(required=False)
    requested = serializers.FloatField()
    deliverable_min = serializers.FloatField()
    deliverable_max = serializers.FloatField()
    deliverable = serializers.FloatField()


class MemberCountSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    available = serializers.IntegerField()
    excluded = serializers.IntegerField()
    stale = serializers.IntegerField()


class ShareSerializer(serializers.Serializer[Any]):
    """What one member would do at the first set point."""

    device = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    feeder = serializers.CharField()
    now_w = serializers.FloatField(allow_null=True)
    share_w = serializers.FloatField()
    headroom_w = serializers.FloatField()
    min_w = serializers.FloatField()
    max_w = serializers.FloatField()
    soc_pct = serializers.FloatField(allow_null=True)
    note = serializers.CharField()


class OverlapSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    name = serializers.CharField()
    priority = serializers.IntegerField()
    outcome = serializers.ChoiceField(["supersedes", "loses"])


class PreviewSerializer(serializers.Serializer[Any]):
    """What would become of a dispatch."""

    verdict = serializers.ChoiceField(["accepted", "partial", "refused"])
    reasons = ReasonSerializer(many=True)
    intervals = IntervalSerializer(many=True)
    members = MemberCountSerializer()
    disaggregation = ShareSerializer(many=True)
    overlaps = OverlapSerializer(many=True)
    at = serializers.DateTimeField()


class MemberSerializer(serializers.Serializer[Any]):
    """One member of a dispatch: asked, measured, and how it stands."""

    device = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    feeder = serializers.CharField()
    set_point = serializers.FloatField(allow_null=True)
    measured = serializers.FloatField(allow_null=True)
    measured_at = serializers.DateTimeField(allow_null=True)
    min = serializers.FloatField()
    max = serializers.FloatField()
    command_state = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(
        ["delivering", "limited", "silent", "refused", "excluded", "not_commanded"]
    )


class SampleSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    target = serializers.FloatField()
    commanded = serializers.FloatField(allow_null=True)
    measured = serializers.FloatField(allow_null=True)
    headroom = serializers.FloatField(allow_null=True)


class EventSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    text = serializers.CharField()
    actor_name = serializers.CharField()
