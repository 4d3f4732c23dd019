"""Replay a message of the log in the sandbox: the same engine, other identities.

The person who asks is the actor, with the roles of the first sender, confined to the sandbox: every
scope keeps the replay off the live utility, even where its translation should miss something.
Source: ours; docs/adr/0071-replay-into-the-sandbox.md.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from django.db import transaction

from derms.accounts.scopes import SANDBOX_MRID
from derms.accounts.selectors import get_client
from derms.accounts.services import ensure_sandbox
from derms.audit.services import record
from derms.cim import replay
from derms.cim.replay import Message, Stored
from derms.conformance.rules.doubles import double_mrid, double_name, fresh_mrid, shift_of
from derms.conformance.services.casting import doubles_of_devices
from derms.conformance.services.translating import (
    Cast,
    Named,
    devices_in,
    groups_in,
    translate,
)
from derms.core import clock
from derms.core.actors import Actor, Role
from derms.core.errors import NotFoundError, RuleViolationError
from derms.core.ids import new_mrid
from derms.devices.selectors import mrids_of
from groups import selectors as groups
from groups import services
from groups.choices import DerFunction
from groups.rules.definition import GroupData, GroupKey, MemberKeys, Name
from groups.selectors import Group


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    Attributes:
        message: The new exchange in the log.
        copied: Names of groups that were copied into the sandbox for it.
        removed: Names of earlier doubles that made way for what the message makes.
        moved_s: By how much times in the message were moved [s].
    """

    message: Message
    copied: tuple[str, ...]
    removed: tuple[str, ...]
    moved_s: float


def replay_message(*, mrid: str, shift_times: bool = True, actor: Actor) -> Replayed:
    """Carry a message of the log out once more, in the sandbox.

    Args:
        mrid: Of its exchange; one that came in.
        shift_times: Move the times in it by its age, so that what lay ahead lies ahead again.
        actor: The person who asks.

    Raises:
        NotFoundError: no such exchange, or the sandbox has no devices.
        RuleViolationError: it cannot be replayed: it went out, was not read, or is a replay.
    """
    stored = replay.read_stored(mrid)
    player = _player(stored, actor)
    ensure_sandbox()
    with transaction.atomic():
        scene = _Scene(stored, player)
        cast = scene.set()
        shift = _shift(stored) if shift_times else dt.timedelta()
        devices = Cast(*_devices(devices_in(stored)))
        made = partial(fresh_mrid, replay=new_mrid())
        translate(stored, groups=cast, devices=devices, made=made, shift=shift)
        message = replay.carry_out(stored, actor=player)
        _record(stored, message, shift, actor)
    return Replayed(message, tuple(scene.copied), tuple(scene.removed), shift.total_seconds())


def _player(stored: Stored, actor: Actor) -> Actor:
    try:
        client = get_client(stored.logged.client_id)
    except NotFoundError as error:
        raise RuleViolationError("Nobody knows who sent this message", code="no_sender") from error
    return replace(
        actor,
        roles=frozenset(Role(role) for role in client.roles),
        organisation_mrid=SANDBOX_MRID,
        source="replay",
    )


def _shift(stored: Stored) -> dt.timedelta:
    age = clock.now() - stored.logged.received_at
    return shift_of(age, noun=stored.logged.noun)


def _devices(named: list[Named]) -> tuple[dict[str, str], dict[str, str]]:
    mrids = {one.mrid for one in named if one.mrid}
    names = {name for one in named for name in one.names}
    return doubles_of_devices(sorted(mrids), sorted(names))


class _Scene:
    """The groups of one message in the sandbox, before it is carried out there."""

    def __init__(self, stored: Stored, player: Actor) -> None:
        self.at = stored.logged.received_at
        self.named = groups_in(stored)
        self.player = player
        self.copied: list[str] = []
        self.removed: list[str] = []
        found = groups.list_groups(actor=player)
        self.mrids = set(found.values_list("mrid", flat=True))
        self.by_name = dict(found.values_list("name", "mrid"))
        self.ended = frozenset(groups.sandbox_mrids()) - self.mrids

    def set(self) -> Cast:
        """Copy what stood when the message came, remove what it makes; say who plays whom."""
        cast = Cast({}, {})
        for one in self.named:
            live = self._live(one)
            if live is None and self._is_here(one):
                continue
            if live is not None and self._stood(live):
                self._bring(live)
            elif one.is_made:
                self._make_way(one)
            if one.mrid:
                cast.mrids[one.mrid] = self._double(one.mrid, one.names)
            cast.names.update({name: double_name(name) for name in one.names})
        return cast

    def _live(self, one: Named) -> Group | None:
        """Return the live group that is meant, or that holds a name of one that is made."""
        names = () if one.mrid and not one.is_made else tuple(map(Name, one.names))
        key = GroupKey(one.mrid, names)
        found = groups.holder_of(key) if key else None
        if found is None or found[1].owner.mrid == SANDBOX_MRID:
            return None
        return found[1]

    def _is_here(self, one: Named) -> bool:
        """Tell whether the sandbox itself is meant, as by a client in stage sandbox."""
        return one.mrid in self.mrids or any(name in self.by_name for name in one.names)

    def _stood(self, live: Group) -> bool:
        """Tell whether the group was there when the message came."""
        return live.created_at <= self.at and not (live.deleted_at and live.deleted_at < self.at)

    def _double(self, mrid: str, names: Iterable[str]) -> str:
        """Return the mRID of the double: the one that is here, or one that is free."""
        double = double_mrid(mrid, self.ended) if mrid else ""
        if double in self.mrids:
            return double
        here = (self.by_name.get(double_name(name)) for name in names)
        return next(filter(None, here), double)

    def _make_way(self, one: Named) -> None:
        """Delete the double that an earlier replay has made."""
        double = self._double(one.mrid, one.names)
        if double not in self.mrids:
            return
        gone = services.delete_group(key=GroupKey(double), actor=self.player)
        self.removed.append(gone.name)
        self.mrids.discard(double)
        self.by_name.pop(gone.name, None)
        self.ended |= {double}

    def _bring(self, live: Group) -> None:
        """Copy a live group into the sandbox unless its double is there."""
        double = self._double(live.mrid, [live.name])
        if double in self.mrids:
            return
        members = mrids_of(groups.member_ids(live.pk, at=self.at))
        played, _ = doubles_of_devices(members)
        data = GroupData(
            name=double_name(live.name),
            functions=frozenset(map(DerFunction, live.functions)),
            mrid=double,
            names=tuple(
                Name(double_name(each.name), each.name_type, each.name_type_authority)
                for each in live.names.all()
            ),
            description=live.description,
            members=MemberKeys(mrids=tuple(dict.fromkeys(played.values()))),
        )
        create = services.announce_group if live.announced_by else services.create_group
        create(data=data, actor=self.player)
        self.mrids.add(double)
        self.by_name[data.name] = double
        self.copied.append(data.name)


def _record(stored: Stored, message: Message, shift: dt.timedelta, actor: Actor) -> None:
    after = {
        "replay": message.mrid,
        "result": message.result,
        "code": message.code,
        "moved_s": shift.total_seconds(),
    }
    record(
        action="cim.replay", object_type="Message", object_mrid=stored.logged.mrid, after=after,
        actor=actor,
    )  # fmt: skip
