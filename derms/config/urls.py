"""All routes of the WSGI process; every room brings its own table."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from derms.config import console, health, metrics

_ROOMS = (
    "derms.accounts", "derms.audit", "derms.events", "derms.alarms", "derms.grid", "derms.cim",
    "derms.live", "derms.devices", "derms.southbound", "groups", "forecasting", "dispatch",
    "derms.conformance", "customers",
)  # fmt: skip


def _exists(module: str) -> bool:
    return find_spec(module.rpartition(".")[0]) is not None and find_spec(module) is not None


def _tables(prefix: str, ending: str) -> list[URLResolver]:
    """Return the route tables of all rooms that have one under this name."""
    modules = [f"{room}.{ending}" for room in _ROOMS]
    return [path(prefix, include(module)) for module in modules if _exists(module)]


urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/v1/openapi.yaml", SpectacularAPIView.as_view(), name="openapi"),
    path("api/v1/", include("derms.config.api.urls")),
    *_tables("api/v1/", "api.urls"),
    *_tables("", "urls"),
    # The console routes its own paths; an unknown path below /api stays a 404.
    re_path(r"^(?!api/|static/|ws/).*$", console.console, name="console"),
]
