"""Settings of every environment, read by the typed readers of `env.py`.

Each variable is described in docs/configuration.md and listed in deploy/env.example.
"""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from derms.config import beat, runfile
from derms.config.settings.env import (
    env_bool,
    env_float,
    env_given,
    env_int,
    env_list,
    env_str,
    env_url,
)

BASE_DIR = Path(__file__).resolve().parents[3]
VAR_DIR = Path(env_str("DERMS_VAR_DIR", str(BASE_DIR / "var")))
# Where `manage.py up` started the embedded servers, for every other command.
_UP = runfile.read_state()

# --- what this installation is -------------------------------------------------------------
ENVIRONMENT = env_str("DERMS_ENV", "demo", choices=("production", "demo", "test"))
PRODUCTION = ENVIRONMENT == "production"
_MODES = ("LIVE", "TEST", "TRAINING", "REPLAY")
MODE_TAG = env_str("DERMS_MODE_TAG", "LIVE" if PRODUCTION else "TEST", choices=_MODES)
SITE_NAME = env_str("DERMS_SITE_NAME", "Simulated utility")
SITE_TIME_ZONE = env_str("DERMS_SITE_TIME_ZONE", "UTC")

DEBUG = env_bool("DERMS_DEBUG", default=False)
INSECURE_KEY = "insecure-key-for-development-only-never-for-production-0000000000"
SECRET_KEY = env_str("DERMS_SECRET_KEY", None if PRODUCTION else INSECURE_KEY)
ALLOWED_HOSTS = env_list("DERMS_ALLOWED_HOSTS", () if PRODUCTION else ("127.0.0.1", "localhost"))
CSRF_TRUSTED_ORIGINS = env_list("DERMS_TRUSTED_ORIGINS")
BEHIND_PROXY = env_bool("DERMS_BEHIND_PROXY", default=False)
# Only from here X-Forwarded-* and a client certificate are believed: addresses or networks.
PROXY_ADDRESSES = env_list("DERMS_PROXY_ADDRESSES", ("127.0.0.1", "::1"))
# Where browsers open the WebSocket: a full address, a path on the page's own host and port (a
# proxy passes it on), or nothing: SOCKET_PORT on the page's own host.
SOCKET_URL = env_str("DERMS_SOCKET_URL", "/ws/ui" if BEHIND_PROXY else "")
# Origins that may open a WebSocket besides the page's own host.
SOCKET_ORIGINS = env_list("DERMS_SOCKET_ORIGINS")

# --- `manage.py up`: what it starts and where it listens ---------------------------------------
EMBEDDED_POSTGRES = not env_given("DATABASE_URL")
EMBEDDED_VALKEY = not env_given("REDIS_URL")
WEB_HOST = env_str("DERMS_BIND", "127.0.0.1")
WEB_PORT = env_int("DERMS_PORT", 8000, low=1, high=65535)
SOCKET_PORT = env_int("DERMS_SOCKET_PORT", WEB_PORT + 1, low=1, high=65535)
# Preferred ports of what listens on loopback only; the next free one is taken when they are not.
# All below 32768: outgoing connections take ports from there up, and would sit on one of ours
# just while its server restarts.
POSTGRES_PORT = env_int("DERMS_POSTGRES_PORT", 25432, low=1, high=65535)
VALKEY_PORT = env_int("DERMS_VALKEY_PORT", 26379, low=1, high=65535)
SIMULATOR_PORT = env_int("DERMS_SIMULATOR_PORT", 14999, low=1, high=65535)
SIMULATED_DEVICES = env_int("DERMS_SIMULATED_DEVICES", 0 if PRODUCTION else 240, low=0, high=5000)
# Simulated devices besides, of the sandbox utility in which partners prove their systems.
SANDBOX_DEVICES = env_int("DERMS_SANDBOX_DEVICES", 12 if SIMULATED_DEVICES else 0, low=0, high=500)
BUILD_ID = env_str("DERMS_BUILD_ID", "dev")

# --- applications --------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "channels",
    "derms.config",
    "derms.accounts",
    "derms.audit",
    "derms.events",
    "derms.alarms",
    "derms.grid",
    "derms.cim",
    "derms.live",
    "derms.devices",
    "derms.southbound",
    "groups",
    "forecasting",
    "dispatch",
    "derms.conformance",
    "customers",
]
MIDDLEWARE = [
    "derms.accounts.proxy.trusted_headers",  # first: the others believe what is left
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "derms.config.middleware.correlation_middleware",
    "derms.core.limits.body_limit",
    "derms.config.metrics.request_metrics",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "derms.accounts.middleware.idle_timeout",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "derms.config.urls"
WSGI_APPLICATION = "derms.config.wsgi.application"
ASGI_APPLICATION = "derms.config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "dist"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
APPEND_SLASH = False

# --- PostgreSQL ----------------------------------------------------------------------------
_DATABASE_URL = env_url(
    "DATABASE_URL",
    _UP.get("database_url", "postgresql://derms@127.0.0.1:25432/derms"),
    schemes=("postgresql", "postgres"),
)


def _database() -> dict[str, Any]:
    parts = conninfo_to_dict(_DATABASE_URL)
    if not parts.get("dbname"):
        raise ImproperlyConfigured("DATABASE_URL names no database")
    known = {"dbname", "user", "password", "host", "port"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts["dbname"],
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "CONN_MAX_AGE": env_int("DERMS_DB_CONN_MAX_AGE_S", 60, low=0),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {k: v for k, v in parts.items() if k not in known},
        "TEST": {"NAME": env_str("DERMS_TEST_DATABASE", "test_derms")},
    }


DATABASES = {"default": _database()}

# --- Redis / Valkey ------------------------------------------------------------------------
REDIS_URL = env_url(
    "REDIS_URL",
    _UP.get("redis_url", "redis://127.0.0.1:26379/0"),
    schemes=("redis", "rediss", "unix"),
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "derms"},
    }
}

# --- Celery: queues by kind of work; beat entries are in derms/config/beat.py -----------------
CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "core"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "global_keyprefix": "celery:"}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_ROUTES = {
    "derms.southbound.tasks.*": {"queue": "southbound"},
    "groups.tasks.*": {"queue": "status"},
    "derms.config.tasks.*": {"queue": "status"},
    "dispatch.tasks.*": {"queue": "dispatch"},
    "derms.cim.tasks.deliver": {"queue": "push"},
}
CELERY_TIMEZONE = "UTC"

# --- accounts and sessions -----------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_IDLE_S = env_int("DERMS_SESSION_IDLE_S", 15 * 60, low=60)
SESSION_COOKIE_AGE = env_int("DERMS_SESSION_MAX_S", 12 * 3600, low=60)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
LOGIN_ATTEMPTS = env_int("DERMS_LOGIN_ATTEMPTS", 10, low=1)
LOGIN_WINDOW_S = env_int("DERMS_LOGIN_WINDOW_S", 300, low=1)
CALL_REFUSALS = env_int("DERMS_CALL_REFUSALS", 20, low=1)
CALL_REFUSAL_WINDOW_S = env_int("DERMS_CALL_REFUSAL_WINDOW_S", 60, low=1)

# Where a new API client starts: confined to the sandbox utility until an engineer accepts a passed
# run of the partner bench, or live at once.
NEW_CLIENT_STAGE = env_str("DERMS_NEW_CLIENT_STAGE", "sandbox", choices=("sandbox", "live"))

# --- transport security; production insists (derms/config/checks.py) ---------------------------
_TLS = env_bool("DERMS_TLS", default=PRODUCTION)
SECURE_SSL_REDIRECT = _TLS
SECURE_REDIRECT_EXEMPT = ["^health/", "^metrics$"]  # asked from inside, without TLS
SESSION_COOKIE_SECURE = _TLS
CSRF_COOKIE_SECURE = _TLS
SECURE_HSTS_SECONDS = env_int("DERMS_HSTS_S", 31536000 if _TLS else 0, low=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = _TLS
SECURE_HSTS_PRELOAD = _TLS
SECURE_REFERRER_POLICY = "same-origin"
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

# --- REST ----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "derms.accounts.api.authentication.SessionAuthentication",
        "derms.accounts.api.authentication.ClientBasicAuthentication",
        "derms.accounts.api.authentication.ClientBearerAuthentication",
        "derms.accounts.api.authentication.ClientCertificateAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["derms.accounts.api.permissions.TablePermission"],
    "DEFAULT_PAGINATION_CLASS": "derms.core.paging.CursorPage",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["derms.core.parsing.JsonParser"],
    "EXCEPTION_HANDLER": "derms.accounts.api.refusals.exception_handler",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": False,
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "DERMS",
    "DESCRIPTION": "REST interface of the distributed energy resource management system.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["derms.accounts.api.permissions.TablePermission"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Fields called `state` and `kind` are many; these say which enumeration is meant.
    "ENUM_NAME_OVERRIDES": {
        "DeviceKindEnum": "derms.devices.choices.DeviceKind",
        "LifecycleStateEnum": "derms.devices.choices.LifecycleState",
        "PushStateEnum": "derms.cim.choices.PushState",
        "RunStateEnum": "derms.conformance.choices.RunState",
        "StepStateEnum": "derms.conformance.choices.StepState",
        "ClientStageEnum": "derms.accounts.choices.ClientStage",
        "LinkStateEnum": "derms.southbound.choices.LinkState",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = env_int("DERMS_MAX_BODY_BYTES", 64 * 2**20, low=1024)

# --- content security policy: strict, no inline script (docs/adr) -------------------------------
_SOCKETS = [SOCKET_URL] if "://" in SOCKET_URL else []
if not SOCKET_URL:
    _SOCKETS = [f"{'wss' if _TLS else 'ws'}://{host}:{SOCKET_PORT}" for host in ALLOWED_HOSTS]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'", *_SOCKETS],
        "worker-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

# --- static files: the built console -------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = None  # nothing is collected
CONSOLE_DIR = BASE_DIR / "frontend" / "dist"
STATICFILES_DIRS = [CONSOLE_DIR] if CONSOLE_DIR.exists() else []
# Served straight from where the build leaves them; the build names its files by their content.
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+/assets/.+-[0-9a-zA-Z_-]{8}\..+$"

# --- facts ---------------------------------------------------------------------------------
FACT_RETENTION_DAYS = env_int("DERMS_FACT_RETENTION_DAYS", 7, low=1)

# --- readings ------------------------------------------------------------------------------
READING_RETENTION_DAYS = env_int("DERMS_READING_RETENTION_DAYS", 30, low=1)
ROLLUP_RETENTION_DAYS = env_int("DERMS_ROLLUP_RETENTION_DAYS", 800, low=1)
# A value older than this many poll periods is stale and never counted as good.
STALE_AFTER_PERIODS = env_float("DERMS_STALE_AFTER_PERIODS", 3.0, low=1.0)
# What another party tells of its own group counts no longer than this.
TOLD_STALE_AFTER_S = env_int("DERMS_TOLD_STALE_AFTER_S", 300, low=1)
# A reading measured further ahead of our clock than this is refused.
MAX_FUTURE_S = env_int("DERMS_MAX_FUTURE_S", 60, low=0)

# --- southbound ----------------------------------------------------------------------------
SOUTHBOUND_SHARDS = env_int("DERMS_SOUTHBOUND_SHARDS", 4, low=1, high=64)
SOUTHBOUND_TIMEOUT_S = env_float("DERMS_SOUTHBOUND_TIMEOUT_S", 1.0, low=0.05, high=30)
SOUTHBOUND_POLL_RATES_S = [
    int(rate) for rate in env_list("DERMS_SOUTHBOUND_POLL_RATES_S", ("2", "5", "15", "60"))
]
# A worker that dies leaves its commands to the others after this time.
SOUTHBOUND_LEASE_S = env_float("DERMS_SOUTHBOUND_LEASE_S", 2.5, low=1.5, high=60)
COMMAND_RETENTION_DAYS = env_int("DERMS_COMMAND_RETENTION_DAYS", 90, low=1)
# Set points fall back on the device's own after this many seconds without renewal.
SOUTHBOUND_REVERSION_S = env_int("DERMS_SOUTHBOUND_REVERSION_S", 300, low=10)
CELERY_BEAT_SCHEDULE = beat.table(shards=SOUTHBOUND_SHARDS, poll_rates_s=SOUTHBOUND_POLL_RATES_S)
# In memory: the table is short-period ticks and wall-clock times, nothing worth a file.
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"

# --- dispatch ------------------------------------------------------------------------------
# Time from journaling a set point to the device following it; measured sooner does not count.
DISPATCH_RESPONSE_S = env_float("DERMS_DISPATCH_RESPONSE_S", 2.0, low=0.0)
# Members that could not follow are asked for a little more this often.
DISPATCH_PROBE_S = env_float("DERMS_DISPATCH_PROBE_S", 30.0, low=1.0)
# A set point not sent within this time is not sent at all.
DISPATCH_VALID_S = env_float("DERMS_DISPATCH_VALID_S", 30.0, low=1.0)
DISPATCH_SAMPLE_DAYS = env_int("DERMS_DISPATCH_SAMPLE_DAYS", 30, low=1)
# A connect or disconnect control beyond either of these waits for a second person.
CONTROL_RELEASE_MW = env_float("DERMS_CONTROL_RELEASE_MW", 5.0, low=0.0)
CONTROL_RELEASE_DEVICES = env_int("DERMS_CONTROL_RELEASE_DEVICES", 500, low=0)
# It expires when nobody releases it in this time.
CONTROL_RELEASE_WAIT_S = env_float("DERMS_CONTROL_RELEASE_WAIT_S", 900.0, low=1.0)
# A control that could not be started, or a command that was not sent, in this time is not sent.
CONTROL_VALID_S = env_float("DERMS_CONTROL_VALID_S", 60.0, low=1.0)
# Devices that gave no statement in this time are told of as unknown; they are still asked.
CONTROL_DEADLINE_S = env_float("DERMS_CONTROL_DEADLINE_S", 120.0, low=1.0)

# --- CIM -----------------------------------------------------------------------------------
CIM_NAMESPACE_YEAR = env_int("DERMS_CIM_NAMESPACE_YEAR", 2017, low=2017, high=2100)
CIM_MIXED_RESULT = env_str("DERMS_CIM_MIXED_RESULT", "FAILED", choices=("FAILED", "PARTIAL"))
# Contexts of messages that are carried out; those of the sandbox's clients are whatever they say.
CIM_CONTEXTS = env_list("DERMS_CIM_CONTEXTS", ("PRODUCTION",))
# How far a client's clock may be off in what it dates and signs.
CIM_CLOCK_SKEW_S = env_int("DERMS_CIM_CLOCK_SKEW_S", 300, low=1, high=3600)
# A UsernameToken with the password itself is taken over TLS, or everywhere when this is set.
CIM_PLAIN_PASSWORD = env_bool("DERMS_CIM_PLAIN_PASSWORD", default=not _TLS)
# Key and certificate (PEM files) by which we sign replies; without them no client can ask for it.
CIM_SIGNING_KEY = env_str("DERMS_CIM_SIGNING_KEY", "")
CIM_SIGNING_CERTIFICATE = env_str("DERMS_CIM_SIGNING_CERTIFICATE", "")
CIM_MESSAGE_RETENTION_DAYS = env_int("DERMS_CIM_MESSAGE_RETENTION_DAYS", 90, low=1)
CIM_MAX_BODY_BYTES = env_int("DERMS_CIM_MAX_BODY_BYTES", 32 * 2**20, low=1024)

# --- partner bench -------------------------------------------------------------------------
# A step of a run waits so long for the partner, unless the run says otherwise.
PARTNER_STEP_TIMEOUT_S = env_float("DERMS_PARTNER_STEP_TIMEOUT_S", 3600.0, low=1.0)
# A passed run older than this cannot be accepted.
PARTNER_RUN_DAYS = env_int("DERMS_PARTNER_RUN_DAYS", 30, low=1)

# --- push to partners ----------------------------------------------------------------------
# A message not delivered after so many tries is parked, with an alarm.
PUSH_MAX_ATTEMPTS = env_int("DERMS_PUSH_MAX_ATTEMPTS", 10, low=1, high=1000)
PUSH_RETENTION_DAYS = env_int("DERMS_PUSH_RETENTION_DAYS", 7, low=1)
# Whether partners and their reply addresses may be on this machine itself.
PUSH_LOOPBACK = env_bool("DERMS_PUSH_LOOPBACK", default=not PRODUCTION)
# Authorities of partners' certificates besides the system's, one PEM file.
PUSH_AUTHORITIES = env_str("DERMS_PUSH_AUTHORITIES", "")
# Keys that seal partners' credentials in the database: the first seals, all open. Without any,
# DERMS_SECRET_KEY does it.
SECRETS_KEYS = env_list("DERMS_SECRETS_KEYS")

# --- logging: one JSON line an event, with the correlation id -----------------------------------
LOG_LEVEL = env_str("DERMS_LOG_LEVEL", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "derms.config.logs.json_formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # A line per tick and task would drown what matters; the metrics count them.
    "loggers": {
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
