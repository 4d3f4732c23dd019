"""The permission class of every REST view: the table decides, and nothing else."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework import permissions
from rest_framework.request import Request

from derms.accounts.permissions import PUBLIC, has_permission, permission_of
from derms.accounts.selectors import find_actor
from derms.audit import services as audit

if TYPE_CHECKING:  # a view imports its permissions while it is being loaded itself
    from rest_framework.views import APIView


class TablePermission(permissions.BasePermission):
    """Look up (route name, method) in `derms.accounts.permissions.ROUTES`; no row, no access."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        route = route_of(request._request)
        permission = permission_of(route, request.method or "GET")
        if permission == PUBLIC:
            return True
        actor = find_actor(request)
        if permission is not None and has_permission(actor, permission):
            return True
        if actor is not None and request.method not in permissions.SAFE_METHODS:
            audit.record_refused(
                action=f"rest.{route}.{request.method}"[:60],
                object_type="Route",
                object_mrid=request.path[:128],
                reason=f"needs {permission}",
                actor=actor,
            )
        return False


def route_of(request: HttpRequest) -> str:
    """Return the URL name of a request, empty when its route has none."""
    match = request.resolver_match
    return (match.url_name if match else None) or ""
