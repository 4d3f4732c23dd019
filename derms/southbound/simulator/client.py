"""One request to the control port of a running simulator, for commands, demos and tests."""

import json
import socket
from typing import Any

HOST = "127.0.0.1"


class ControlError(Exception):
    """The simulator refused, or none is there; the message is one sentence."""


def ask(port: int, request: dict[str, Any], *, timeout_s: float = 10.0) -> dict[str, Any]:
    """Send a request and return the answer.

    Args:
        port: control port.
        request: as in docs/simulator.md, e.g. `{"op": "state", "device": "F07-PV-012"}`.
        timeout_s: of connecting and answering.

    Raises:
        ControlError: nobody answers, or the answer is a refusal.
    """
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s) as link:
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        raise ControlError(f"No simulator answers on port {port}: {error}.") from error
    if not line:
        raise ControlError(f"The simulator on port {port} hung up.")
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        raise ControlError(answer["error"])
    return answer
