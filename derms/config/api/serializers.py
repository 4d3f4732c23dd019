"""Shapes of the overview and the system page, for the OpenAPI document."""

from typing import Any

from rest_framework import serializers


class DeviceCountsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    good = serializers.IntegerField()
    stale = serializers.IntegerField()
    lost = serializers.IntegerField()
    stale_last_w = serializers.FloatField(help_text="What the stale ones last contributed [W].")
    by_kind = serializers.DictField(child=serializers.IntegerField())


class DispatchCountsSerializer(serializers.Serializer[Any]):
    active = serializers.IntegerField()
    scheduled = serializers.IntegerField()
    shortfall = serializers.IntegerField()
    error_w = serializers.FloatField(help_text="Measured minus target of the active ones [W].")


class OverviewSerializer(serializers.Serializer[Any]):
    """The fleet now; W, var, Wh; positive = injection."""

    at = serializers.DateTimeField()
    devices = DeviceCountsSerializer()
    active_power_w = serializers.FloatField()
    reactive_power_var = serializers.FloatField()
    available_max_w = serializers.FloatField()
    available_min_w = serializers.FloatField()
    installed_max_w = serializers.FloatField()
    installed_min_w = serializers.FloatField()
    energy_wh = serializers.FloatField()
    energy_capacity_wh = serializers.FloatField()
    coverage_pct = serializers.FloatField()
    dispatches = DispatchCountsSerializer()
    alarms = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text='By priority "1" to "4": how many are active, how many unacknowledged.',
    )


class ProcessSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    pid = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()
    restarts = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)


class QueueSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    waiting = serializers.IntegerField()


class OutboxSerializer(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    parked = serializers.IntegerField()
    oldest_s = serializers.FloatField()


class ShardRunSerializer(serializers.Serializer[Any]):
    shard = serializers.IntegerField()
    rate_s = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField()
    devices = serializers.IntegerField()
    answered = serializers.IntegerField()
    overruns = serializers.IntegerField()


class SystemSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    build = serializers.CharField()
    processes = ProcessSerializer(many=True)
    queues = QueueSerializer(many=True)
    outbox = OutboxSerializer()
    shards = ShardRunSerializer(many=True)
    database_bytes = serializers.IntegerField()
    database_clock_offset_s = serializers.FloatField()
    valkey_bytes = serializers.IntegerField()
