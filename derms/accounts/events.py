"""Facts the accounts room announces."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ClientRetired:
    """An API client has ended for good; what others keep for it ends as well."""

    topic: ClassVar[str] = "accounts.client_retired"
    mrid: str
    client_id: str
    by: str
