"""All routes of the WSGI process; every room brings its own table."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path, re_path

from derms.config import console, health, metrics

_API_ROOMS = (
    "derms.accounts", "derms.audit", "derms.events", "derms.alarms", "derms.grid", "derms.cim",
    "derms.live", "derms.devices", "derms.southbound", "groups", "forecasting", "dispatch",
    "customers",
)  # fmt: skip


def _exists(module: str) -> bool:
    parent = module.rpartition(".")[0]
    return find_spec(parent) is not None and find_spec(module) is not None


urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    *(
        path("api/v1/", include(f"{room}.api.urls"))
        for room in _API_ROOMS
        if _exists(f"{room}.api.urls")
    ),
    # The console routes its own paths; an unknown path below /api stays a 404.
    re_path(r"^(?!api/|static/|ws/).*$", console.console, name="console"),
]
