"""Where a DER hangs: feeder, transformer, usage point with its agreed limits."""

from django.db import models

from derms.core.ids import new_mrid
from derms.grid.choices import Phase


class Feeder(models.Model):
    """A medium-voltage feeder."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid)
    name = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.name


class Transformer(models.Model):
    """A distribution transformer on a feeder."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid)
    name = models.CharField(max_length=80, unique=True)
    feeder = models.ForeignKey(Feeder, on_delete=models.PROTECT, related_name="+")
    rated_va = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class UsagePoint(models.Model):
    """The connection point of one or more devices (CIM UsagePoint).

    `import_limit_w` and `export_limit_w` are the agreed limits, both >= 0 [W]; None = not agreed.
    """

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid)
    name = models.CharField(max_length=80, unique=True)
    feeder = models.ForeignKey(Feeder, on_delete=models.PROTECT, related_name="+", null=True)
    transformer = models.ForeignKey(
        Transformer, on_delete=models.PROTECT, related_name="+", null=True
    )
    phase = models.CharField(max_length=3, choices=Phase, default=Phase.ABC)
    import_limit_w = models.FloatField(null=True, blank=True)
    export_limit_w = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
