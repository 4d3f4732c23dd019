"""Enumerations of the accounts room."""

from django.db.models import TextChoices

from derms.core.actors import Role


class OrganisationKind(TextChoices):
    """What an organisation is to the utility."""

    UTILITY = "utility"
    AGGREGATOR = "aggregator"
    SUPPLIER = "supplier"


RoleChoice = [(role.value, role.name.replace("_", " ").title()) for role in Role]
