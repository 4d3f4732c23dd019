"""Which earlier commands of the same device a command replaces.

Source: ours; a set point and a limit live in different registers and stand side by side.
"""

from collections.abc import Mapping

from derms.southbound.contract import CommandKind

_SWITCHING = (CommandKind.CONNECT, CommandKind.DISCONNECT)
REPLACES: Mapping[CommandKind, tuple[CommandKind, ...]] = {
    CommandKind.SET_ACTIVE_POWER: (CommandKind.SET_ACTIVE_POWER,),
    CommandKind.LIMIT_ACTIVE_POWER: (CommandKind.LIMIT_ACTIVE_POWER,),
    CommandKind.SET_REACTIVE_POWER: (CommandKind.SET_REACTIVE_POWER,),
    CommandKind.CONNECT: _SWITCHING,
    CommandKind.DISCONNECT: _SWITCHING,
    CommandKind.RELEASE: (
        CommandKind.SET_ACTIVE_POWER,
        CommandKind.LIMIT_ACTIVE_POWER,
        CommandKind.SET_REACTIVE_POWER,
        CommandKind.RELEASE,
    ),
}
