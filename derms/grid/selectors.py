"""Reads of the grid room: feeders, transformers, usage points."""

from collections.abc import Iterable

from django.db.models import QuerySet

from derms.grid.models import Feeder, Transformer


def list_feeders() -> QuerySet[Feeder]:
    """Return all feeders by name."""
    return Feeder.objects.order_by("name")


def feeders_of_transformers(names: Iterable[str]) -> dict[str, str]:
    """Return the feeder name of each transformer that exists, by transformer name."""
    found = Transformer.objects.filter(name__in=list(names))
    return dict(found.values_list("name", "feeder__name"))


def feeder_names() -> dict[int, str]:
    """Return the name of every feeder by primary key; feeders are few."""
    return dict(Feeder.objects.values_list("pk", "name"))
