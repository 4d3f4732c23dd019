"""What a group is made of, as services and doors hand it around.

Source: IEC 61968-5 DERGroups profile (EndDeviceGroup, DERFunction, Version, Names).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from groups.choices import DerFunction


@dataclass(frozen=True, slots=True)
class Name:
    """A CIM Name with its optional type and authority; empty text means not given."""

    name: str
    name_type: str = ""
    name_type_authority: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """A CIM Version; parts not given are None."""

    major: int | None = None
    minor: int | None = None
    revision: int | None = None
    date: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupKey:
    """How a caller points at a group: mRID, names, or both (then they must agree)."""

    mrid: str = ""
    names: tuple[Name, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.mrid or self.names)

    @property
    def given(self) -> tuple[str, str]:
        """Return (kind, value) as the caller wrote it, for CIM error IDs: uuid or name."""
        return ("uuid", self.mrid) if self.mrid else ("name", self.names[0].name)


@dataclass(frozen=True, slots=True)
class MemberKeys:
    """Devices named by a caller: by mRID or, where that is missing, by name."""

    mrids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.mrids or self.names)


@dataclass(frozen=True, slots=True)
class GroupData:
    """A group to be created; without an mRID one is assigned."""

    name: str
    functions: frozenset[DerFunction]
    mrid: str = ""
    names: tuple[Name, ...] = ()
    description: str = ""
    version: Version | None = None
    members: MemberKeys = MemberKeys()

    @property
    def given(self) -> tuple[str, str] | None:
        """Return (kind, value) as the caller named the group to be; None when it did not."""
        name = self.names[0].name if self.names else self.name
        if not (self.mrid or name):
            return None
        return ("uuid", self.mrid) if self.mrid else ("name", name)


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What a change touches; None leaves that part as it is (merge semantics for members).

    Source: EPRI test cases DERGroups 2A, 2B.
    """

    description: str | None = None
    functions: frozenset[DerFunction] | None = None
    version: Version | None = None
    add: MemberKeys = MemberKeys()
    remove: MemberKeys = MemberKeys()
    name: str | None = None


def functions_from_flags(flags: Mapping[str, bool]) -> frozenset[DerFunction]:
    """Return the set of functions whose flag is true; keys are the schema's element names."""
    return frozenset(DerFunction(key) for key, value in flags.items() if value)


def flags_from_functions(functions: frozenset[DerFunction]) -> dict[str, bool]:
    """Return all nine flags in the order of the schema."""
    return {function.value: function in functions for function in DerFunction}
