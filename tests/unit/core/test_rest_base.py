"""What every REST view stands on: problems, ETags, addresses."""

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DataError, OperationalError
from django.http import Http404
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from derms.core import correlation, errors, etag, problem
from derms.core.addresses import socket_url


def answer(error):
    response = problem.exception_handler(error, {})
    return response, json.loads(JSONRenderer().render(response.data))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.InvalidInputError("x"), 422, "invalid_input"),
        (errors.TooLargeError("x"), 413, "too_large"),
        (errors.NotFoundError("x"), 404, "not_found"),
        (errors.ForbiddenError("x"), 403, "forbidden"),
        (errors.RuleViolationError("x"), 409, "rule_violation"),
        (errors.BusyError("x"), 503, "busy"),
        (errors.DriverError("secret"), 500, "internal_error"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "forbidden"),
        (DataError("secret"), 422, "invalid_input"),
        (OperationalError("secret"), 500, "internal_error"),
        (RuntimeError("secret"), 500, "internal_error"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.Throttled(wait=7), 429, "throttled"),
        (exceptions.ParseError(), 400, "parse_error"),
        (etag.PreconditionFailed(), 412, "precondition_failed"),
        (etag.PreconditionRequired(), 428, "precondition_required"),
    ],
)
def test_every_error_becomes_a_problem_without_secrets(error, status, code):
    correlation.bind("abc")

    response, body = answer(error)

    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert response.content_type == "application/problem+json"
    assert body["request_id"] == "abc"
    assert body["type"] == f"urn:derms:problem:{code}"
    assert "secret" not in json.dumps(body)


def test_business_error_keeps_field_and_numbers():
    error = errors.RuleViolationError("Too much.", code="limit", field="values/0", limit_w=5.0)

    _, body = answer(error)

    assert body["params"] == {"limit_w": 5.0}
    assert body["errors"] == [{"pointer": "values/0", "code": "limit", "detail": "Too much."}]


def test_shape_errors_point_into_the_body():
    error = exceptions.ValidationError({"values": [{"at": ["Not a date."]}]})

    _, body = answer(error)

    assert body["errors"][0]["pointer"] == "/values/at"


def test_those_worth_a_retry_say_when():
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = type("Cause", (Exception,), {"sqlstate": "40P01"})()

    assert answer(deadlock)[0]["Retry-After"] == "1"
    assert answer(errors.BusyError("x"))[0]["Retry-After"] == "1"
    assert answer(exceptions.Throttled(wait=7))[0]["Retry-After"] == "7"


def request(**headers):
    return Request(RequestFactory().patch("/", headers=headers))


@pytest.mark.parametrize("header", ['"7"', '"6", "7"', "*"])
def test_matching_if_match_lets_the_change_through(header):
    etag.check_if_match(request(**{"If-Match": header}), 7)


@pytest.mark.parametrize("header", ['"6"', 'W/"7"', "7", ""])
def test_other_if_match_is_412(header):
    with pytest.raises(etag.PreconditionFailed):
        etag.check_if_match(request(**{"If-Match": header}), 7)


def test_missing_if_match_is_428():
    with pytest.raises(etag.PreconditionRequired):
        etag.check_if_match(request(), 7)


@pytest.mark.parametrize(
    ("header", "fresh"), [('"7"', True), ('W/"7"', True), ('"6"', False), ("*", True)]
)
def test_if_none_match_saves_the_body(header, fresh):
    assert etag.is_fresh(request(**{"If-None-Match": header}), etag.etag_of(7)) is fresh


@pytest.mark.parametrize(
    ("setting", "host", "url"),
    [
        ("", "127.0.0.1:8000", "ws://127.0.0.1:8001/ws/ui"),
        ("", "[::1]:8000", "ws://[::1]:8001/ws/ui"),
        ("/ws/ui", "derms.example", "ws://derms.example/ws/ui"),
        ("wss://live.example/ws/ui", "derms.example", "wss://live.example/ws/ui"),
    ],
)
def test_socket_address_follows_the_page(settings, setting, host, url):
    settings.SOCKET_URL, settings.SOCKET_PORT, settings.ALLOWED_HOSTS = setting, 8001, ["*"]

    assert socket_url(RequestFactory().get("/", headers={"Host": host})) == url
