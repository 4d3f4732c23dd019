"""Leave the sandbox as a run has found it: its group goes, its devices are connected again.

A run that failed half-way would otherwise hand its disconnected devices to the next one.
"""

import logging

from django.db import transaction

from derms.accounts.selectors import actor_of_client
from derms.conformance.choices import StepState
from derms.conformance.models import PartnerRun
from derms.core.actors import Actor
from derms.core.errors import DermsError, NotFoundError
from dispatch.choices import ControlAction
from dispatch.services import ControlData, create_control
from groups.rules.definition import GroupKey, MemberKeys
from groups.selectors import get_group, party_of
from groups.services import delete_announced_group, delete_group

_log = logging.getLogger(__name__)


def clear_sandbox(run: PartnerRun) -> None:
    """Put the sandbox back; what cannot be done is logged and stops nothing.

    The group is deleted, which ends its dispatches and controls; devices are connected when the
    run has disconnected them and not connected them again.
    """
    actor = actor_of_client(run.client, source="partner bench")
    for work in (_remove_group, _connect_devices):
        try:
            with transaction.atomic():
                work(run, actor)
        except DermsError as error:
            _log.warning("the sandbox was not cleared after run %s: %s", run.mrid, error.message)


def _remove_group(run: PartnerRun, actor: Actor) -> None:
    key = GroupKey(mrid=run.values["group_mrid"])
    try:
        group = get_group(key=key, actor=actor)
    except NotFoundError:
        return
    remove = delete_announced_group if party_of(group) else delete_group
    remove(key=key, actor=actor)


def _connect_devices(run: PartnerRun, actor: Actor) -> None:
    steps = {step.key: step for step in run.steps.filter(key__in=("disconnect", "connect"))}
    is_off = "disconnect" in steps and steps["disconnect"].message_mrid
    if not is_off or steps["connect"].state == StepState.PASSED:
        return
    devices = MemberKeys(mrids=tuple(run.values[f"device{number}"] for number in (1, 2, 3)))
    reason = f"Run {run.mrid} of the partner bench is over."
    create_control(
        data=ControlData(action=ControlAction.CONNECT, devices=devices, reason=reason), actor=actor
    )
