"""The Context of a message: a test or a training has no effect on the real utility.

For the exchange. Source: IEC 61968-100 Header/Context (intended context for information usage, such
as PRODUCTION, TESTING, TRAINING).
"""

from django.conf import settings

from derms.accounts.scopes import is_sandboxed
from derms.cim.envelope import Header
from derms.cim.operations import Operation
from derms.core.actors import Actor
from derms.core.errors import RuleViolationError


def require_context(header: Header, operation: Operation, actor: Actor) -> None:
    """Refuse a request or an event whose Context is not carried out here.

    A question changes nothing, and a client of the sandbox reaches nothing real: both may say
    what they like.

    Raises:
        RuleViolationError: Context is none of CIM_CONTEXTS (6.1).
    """
    if not header.context or operation.verb == "get" or is_sandboxed(actor):
        return
    known = [context.upper() for context in settings.CIM_CONTEXTS]
    if header.context.upper() not in known:
        raise RuleViolationError(
            f"Context {header.context[:40]} is not carried out here, only {', '.join(known)}",
            code="context",
        )
