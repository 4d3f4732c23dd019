"""What REST views share: reading bodies and queries, answering with an object and its ETag."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from derms.core import clock
from derms.core.errors import InvalidInputError
from derms.core.etag import etag_of

S = TypeVar("S", bound=serializers.BaseSerializer[Any])


def valid(shape: type[S], data: Any) -> S:
    """Return a serializer that has taken `data`; what does not fit is answered 422."""
    reader = shape(data=data)
    reader.is_valid(raise_exception=True)
    return reader


def values_of(shape: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return `data`, a body or a query, as the serializer reads it; else 422."""
    return dict(valid(shape, data).validated_data)


def query_of(request: Request) -> dict[str, str]:
    """Return the query parameters that were given; an empty one was not."""
    return {name: value for name, value in request.query_params.dict().items() if value}


def instant_of(request: Request, name: str) -> dt.datetime | None:
    """Return an instant of the query; None when it is not given.

    Raises:
        InvalidInputError: it is none.
    """
    text = request.query_params.get(name)
    try:
        return clock.parse_utc(text) if text else None
    except ValueError as error:
        raise InvalidInputError(f"{name} is not an instant: {text}", field=name) from error


def uuids_of(request: Request, name: str, *, most: int = 100) -> list[uuid.UUID]:
    """Return comma-separated UUIDs of the query; none when it is not given; else 422."""
    texts = [text for text in request.query_params.get(name, "").split(",") if text]
    field = serializers.ListField(child=serializers.UUIDField(), max_length=most)
    return list(field.run_validation(texts))


def whole_of(request: Request, name: str, *, default: int, high: int, low: int = 0) -> int:
    """Return a whole number of the query, within bounds; else 422."""
    field = serializers.IntegerField(min_value=low, max_value=high)
    return int(field.run_validation(request.query_params.get(name, default)))


def page_at(request: Request, cursor: int) -> str:
    """Return the address of the same list from another cursor on."""
    query = request.query_params.copy()
    query["cursor"] = str(cursor)
    return f"{request.path}?{query.urlencode()}"


def with_etag(
    data: Mapping[str, Any], revision: object, *, at: str, code: int = status.HTTP_200_OK
) -> Response:
    """Answer with an object, its ETag and where it is found.

    Args:
        data: As its serializer shows it.
        revision: Its revision.
        at: Its path.
        code: HTTP status.
    """
    return Response(data, status=code, headers={"ETag": etag_of(revision), "Location": at})
