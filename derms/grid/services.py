"""Writes of the grid room: the places devices hang on, made or corrected by name.

For the register of devices and its imports. A GIS import will replace the whole later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from derms.core.ids import new_mrid
from derms.grid.models import Feeder, Transformer, UsagePoint


@dataclass(frozen=True, slots=True)
class UsagePointData:
    """A usage point as named from outside.

    Attributes:
        name: Its name, unique.
        feeder: Feeder name; empty = not known.
        transformer: Transformer name; empty = not known; needs the feeder.
        phase: CIM PhaseCode.
        import_limit_w: Agreed limit [W], >= 0; None = not agreed.
        export_limit_w: Agreed limit [W], >= 0; None = not agreed.
    """

    name: str
    feeder: str = ""
    transformer: str = ""
    phase: str = "ABC"
    import_limit_w: float | None = None
    export_limit_w: float | None = None


_STAGE = (
    "DROP TABLE IF EXISTS pg_temp.grid_stage",
    "CREATE TEMP TABLE grid_stage (mrid text, name text, feeder_id int8, transformer_id int8,"
    " phase text, import_limit_w float8, export_limit_w float8) ON COMMIT DROP",
)
_UPDATE = """
UPDATE grid_usagepoint u
SET feeder_id = n.feeder_id, transformer_id = n.transformer_id, phase = n.phase,
    import_limit_w = n.import_limit_w, export_limit_w = n.export_limit_w
FROM grid_stage n
WHERE u.name = n.name
  AND (u.feeder_id, u.transformer_id, u.phase, u.import_limit_w, u.export_limit_w)
      IS DISTINCT FROM
      (n.feeder_id, n.transformer_id, n.phase, n.import_limit_w, n.export_limit_w)
RETURNING u.id
"""
# A statement of its own: inside the INSERT it would search among the rows just inserted.
_DROP_KNOWN = "DELETE FROM grid_stage n USING grid_usagepoint u WHERE u.name = n.name"
_INSERT = """
INSERT INTO grid_usagepoint
    (mrid, name, feeder_id, transformer_id, phase, import_limit_w, export_limit_w)
SELECT mrid, name, feeder_id, transformer_id, phase, import_limit_w, export_limit_w
FROM grid_stage
ON CONFLICT (name) DO NOTHING
"""


def ensure_usage_points(points: Sequence[UsagePointData]) -> list[int]:
    """Make or correct usage points, with the feeders and transformers they name.

    A transformer that exists stays on its feeder; the caller checks that it is the one named
    (`selectors.feeders_of_transformers`).

    Args:
        points: Each name once.

    Returns:
        Keys of the usage points that existed and were changed.
    """
    if not points:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        feeders = _ensure_feeders(point.feeder for point in points)
        transformers = _ensure_transformers(points, feeders)
        for statement in _STAGE:
            cursor.execute(statement)
        with cursor.copy("COPY grid_stage FROM STDIN") as copy:
            for point in points:
                copy.write_row(
                    (
                        new_mrid(),
                        point.name,
                        feeders.get(point.feeder),
                        transformers.get(point.transformer),
                        point.phase,
                        point.import_limit_w,
                        point.export_limit_w,
                    )
                )
        cursor.execute("ANALYZE grid_stage")
        cursor.execute(_UPDATE)
        changed = [row[0] for row in cursor.fetchall()]
        cursor.execute(_DROP_KNOWN)
        cursor.execute(_INSERT)
    return changed


def _ensure_feeders(names: Iterable[str]) -> dict[str, int]:
    """Make the feeders that are missing; return the keys of all by name."""
    wanted = sorted(set(names) - {""})
    found = Feeder.objects.filter(name__in=wanted).values_list("name", "id")
    known = dict(found)
    missing = [Feeder(name=name) for name in wanted if name not in known]
    if not missing:
        return known
    Feeder.objects.bulk_create(missing, batch_size=1000, ignore_conflicts=True)
    return dict(found.all())


def _ensure_transformers(
    points: Sequence[UsagePointData], feeders: Mapping[str, int]
) -> dict[str, int]:
    """Make the transformers that are missing; return the keys of all by name."""
    wanted = {point.transformer: point.feeder for point in points if point.transformer}
    found = Transformer.objects.filter(name__in=list(wanted)).values_list("name", "id")
    known = dict(found)
    missing = [
        Transformer(name=name, feeder_id=feeders[wanted[name]])
        for name in sorted(set(wanted) - set(known))
    ]
    if not missing:
        return known
    Transformer.objects.bulk_create(missing, batch_size=1000, ignore_conflicts=True)
    return dict(found.all())


def ensure_usage_point(point: UsagePointData) -> int:
    """Make or correct one usage point and return its key."""
    ensure_usage_points([point])
    return UsagePoint.objects.values_list("pk", flat=True).get(name=point.name)
