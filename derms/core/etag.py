"""ETag and If-Match: nobody overwrites a change he has not seen (RFC 9110 13)."""

from rest_framework import exceptions, status
from rest_framework.request import Request


class PreconditionRequired(exceptions.APIException):
    """The change must say which revision it is based on."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Send If-Match with the ETag you read."
    default_code = "precondition_required"


class PreconditionFailed(exceptions.APIException):
    """Somebody else has changed the object meanwhile."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "Somebody has changed this meanwhile; read it again."
    default_code = "precondition_failed"


def etag_of(revision: object) -> str:
    """Return the strong ETag of a revision number, hash or instant."""
    return f'"{revision}"'


def check_if_match(request: Request, revision: object) -> None:
    """Refuse a change that is not based on `revision`.

    Raises:
        PreconditionRequired: no If-Match header (428).
        PreconditionFailed: it names another revision (412).
    """
    header = request.headers.get("If-Match")
    if header is None:
        raise PreconditionRequired
    # If-Match compares strongly, so a weak tag (W/"...") never matches.
    if header.strip() != "*" and etag_of(revision) not in _tags(header):
        raise PreconditionFailed


def is_fresh(request: Request, etag: str) -> bool:
    """Say whether the caller already has this version (If-None-Match), so 304 will do."""
    header = request.headers.get("If-None-Match", "")
    return header.strip() == "*" or etag in {tag.removeprefix("W/") for tag in _tags(header)}


def _tags(header: str) -> set[str]:
    return {tag.strip() for tag in header.split(",")}
