"""Why a message is not believed: a 7.x code of 61968-100 and a fault of WS-Security.

Source: OASIS WSS SOAP Message Security 1.1 section 12; IEC 61968-100 reply codes 7.x.
"""

from derms.core.actors import Actor, ActorKind
from derms.core.errors import ForbiddenError

NOBODY = Actor(kind=ActorKind.CLIENT, mrid="", name="unknown", source="cim")


class TrustError(ForbiddenError):
    """A message is refused for what it shows, or does not show, of its sender.

    Args:
        message: One sentence for the sender.
        cim_code: 7.1 too many bad proofs before, 7.2 nothing shown, 7.3 mechanism insufficient,
            7.4 authentication failed, 7.6 needs encryption, 7.7 against a policy.
        fault: Local name of the WS-Security fault code.
    """

    code = "not_trusted"

    def __init__(
        self, message: str, *, cim_code: str = "7.4", fault: str = "FailedAuthentication"
    ) -> None:
        """See the class."""
        super().__init__(message, cim_code=cim_code)
        self.fault = fault
        self.wait_s = 0
        """There were too many bad proofs: nothing is checked until so many seconds are over [s]."""
        self.actor = NOBODY
        """Who the refusal is recorded for: the client as far as it is known."""


def insufficient(message: str) -> TrustError:
    """Return the error for a mechanism or algorithm that is too weak, or missing (7.3)."""
    return TrustError(message, cim_code="7.3", fault="UnsupportedAlgorithm")


def malformed(message: str) -> TrustError:
    """Return the error for a security header that cannot be read (7.4)."""
    return TrustError(message, fault="InvalidSecurity")
