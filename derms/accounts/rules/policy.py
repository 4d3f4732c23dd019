"""What a client's policy demands, against what it has shown.

Source: ours; codes 7.x of IEC 61968-100.
"""

from collections.abc import Collection

from derms.accounts.choices import Proof
from derms.core.errors import ForbiddenError

_SAID: dict[str, str] = {
    Proof.PASSWORD: "HTTP Basic credentials",
    Proof.BEARER: "an HTTP Bearer token",
    Proof.USERNAME_TOKEN: "a WS-Security UsernameToken",
    Proof.SIGNATURE: "a WS-Security signature over the Body",
    Proof.CERTIFICATE: "a TLS client certificate",
    Proof.TIMESTAMP: "a Timestamp",
}
# What only a SOAP message can carry.
_IN_MESSAGES = frozenset({Proof.USERNAME_TOKEN, Proof.SIGNATURE})


def check_demands(demands: Collection[str], shown: Collection[str], *, name: str) -> None:
    """Refuse a message that shows less than its client's policy demands; all of it must hold.

    Args:
        demands: Proofs the policy names, timestamp aside: the message's own check sees to that.
        shown: Proofs that were shown and found good.
        name: Client id, for the sentence.

    Raises:
        ForbiddenError: something is missing (7.3).
    """
    missing = [p for p in Proof if p in demands and p not in shown and p != Proof.TIMESTAMP]
    if missing:
        wanted = " and ".join(_SAID[proof] for proof in missing)
        raise ForbiddenError(
            f"The policy of {name} demands {wanted}, which this message does not show",
            code="mechanism_insufficient",
            cim_code="7.3",
        )


def check_rest(demands: Collection[str], shown: Collection[str], *, name: str) -> None:
    """Refuse a REST call that shows less than its client's policy demands.

    A client that must sign its messages may not go round that by REST, which carries no signature.

    Raises:
        ForbiddenError: something is missing (7.3).
    """
    carried = [proof for proof in demands if proof in _IN_MESSAGES]
    if carried:
        wanted = " and ".join(_SAID[proof] for proof in carried)
        raise ForbiddenError(
            f"The policy of {name} demands {wanted}, which REST cannot carry: use CIM messages",
            code="mechanism_insufficient",
            cim_code="7.3",
        )
    check_demands(demands, shown, name=name)
