"""Tables of forecasts: what other parties told of the future of their groups."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from forecasting.choices import CurveStyle


class ToldCurve(models.Model):
    """One quantity of another party's group over one schedule, as the party forecast it.

    Values are in W, var, VA or V, positive = injection, null = not told.
    """

    group = models.ForeignKey("groups.DerGroup", on_delete=models.CASCADE, related_name="+")
    mrid = models.CharField(max_length=128)
    """Of the party's forecast."""
    parameter = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    """When the party predicted it, by its clock."""
    told_by = models.CharField(max_length=64, blank=True)
    """mRID of the API client that told it, to which it is not told back."""
    received_at = models.DateTimeField()
    installed_max = models.FloatField(null=True)
    installed_min = models.FloatField(null=True)
    confidence_pct = models.FloatField(null=True)
    curve_style = models.CharField(max_length=24, choices=[(s.value, s.value) for s in CurveStyle])
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    interval_s = models.FloatField()
    nominal = ArrayField(models.FloatField(null=True))
    high = ArrayField(models.FloatField(null=True))
    low = ArrayField(models.FloatField(null=True))

    def __str__(self) -> str:
        return f"{self.parameter} of {self.group_id} from {self.start_at}"
