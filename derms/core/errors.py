"""The seven errors of the house, translated once at each door.

    DermsError
    ├── InvalidInputError      shape or value wrong (422, CIM 1.x / 2.x / 3.1)
    ├── NotFoundError          unknown object (404, CIM 99.1 / 2.x)
    ├── ForbiddenError         known caller, not allowed (403, CIM 7.5)
    ├── RuleViolationError     business rule, state, duplicate, limit (409, CIM 6.1)
    ├── BusyError              lock timeout, queue full (503 + Retry-After, CIM 5.1)
    └── DriverError            device or wire refused; becomes command state and alarm

Raise in rules and services; doors (REST, CIM, tasks, WebSocket) translate, and record once what
was refused. The message is for the operator, `code` and `params` are for machines.
Source: ours; codes from IEC 61968-100 / -9 reply codes.
"""

from typing import Any, ClassVar


class DermsError(Exception):
    """Root of all errors this product raises on purpose.

    Args:
        message: One sentence for the operator.
        code: Machine-readable snake_case code; defaults to the class's.
        field: Input field the error points to (JSON pointer or column), if any.
        cim_code: IEC 61968-100 reply code when it differs from the class's.
        **params: Values for machines and translation; must be JSON-able.
    """

    code: str = "internal_error"
    http_status: ClassVar[int] = 500
    cim_code: str = "5.3"
    retry: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        cim_code: str | None = None,
        **params: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if cim_code is not None:
            self.cim_code = cim_code
        self.field = field
        self.params: dict[str, Any] = params


class InvalidInputError(DermsError):
    """Shape or value is wrong: schema, unit, missing part."""

    code = "invalid_input"
    http_status = 422
    cim_code = "1.8"


class TooLargeError(InvalidInputError):
    """More items or bytes than one request may carry."""

    code = "too_large"
    http_status = 413
    cim_code = "3.1"


class NotFoundError(DermsError):
    """The object named does not exist, or the caller may not know it does."""

    code = "not_found"
    http_status = 404
    cim_code = "99.1"


class ForbiddenError(DermsError):
    """The caller is known but not allowed."""

    code = "forbidden"
    http_status = 403
    cim_code = "7.5"


class RuleViolationError(DermsError):
    """A business rule, state, duplicate or limit stands against it."""

    code = "rule_violation"
    http_status = 409
    cim_code = "6.1"


class BusyError(DermsError):
    """Try again: lock time-out, queue full, link busy."""

    code = "busy"
    http_status = 503
    cim_code = "5.1"
    retry = True


class DriverError(DermsError):
    """A device or its wire refused.

    Args:
        message: One sentence for the operator.
        permanent: True when the same command can never succeed.
        protocol_code: The protocol's own code, kept as text.
    """

    code = "driver_error"

    def __init__(
        self, message: str, *, permanent: bool = False, protocol_code: str = "", **params: Any
    ) -> None:
        super().__init__(message, **params)
        self.permanent = permanent
        self.protocol_code = protocol_code
