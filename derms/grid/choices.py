"""Enumerations of the grid room."""

from django.db.models import TextChoices


class Phase(TextChoices):
    """Phases a usage point is connected to (CIM PhaseCode, the ones used at service points)."""

    ABC = "ABC"
    AB = "AB"
    BC = "BC"
    AC = "AC"
    A = "A"
    B = "B"
    C = "C"
    S12 = "s12"
