"""Settings, read from the environment alone; README.md lists every variable in one table."""

import os
import secrets
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from mlscrum import env
from mlscrum.lib.storage import storage_backend

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# Where things are ----------------------------------------------------------------------------
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "var")
SOURCES_DIR = env.folder("SOURCES_DIR", BASE_DIR / "sources")
if SOURCES_DIR == DATA_DIR or DATA_DIR in SOURCES_DIR.parents or SOURCES_DIR in DATA_DIR.parents:
    raise ImproperlyConfigured("SOURCES_DIR and DATA_DIR must not lie within each other.")
BASE_URL = env.url("BASE_URL", "http://127.0.0.1:8000", schemes=("http", "https")).rstrip("/")
HOST = env.text("HOST", "127.0.0.1")
_host = urlsplit(BASE_URL).hostname or ""
LOOPBACK = env.is_loopback(_host)


def _keep_private(folder: Path) -> None:
    """Nobody else on this machine reads the database, uploads and secrets of DATA_DIR."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(stat.S_IRWXU)


_keep_private(DATA_DIR)


def _kept_secret(path: Path) -> str:
    """A secret made on the first start and kept beside the data, readable by its owner alone."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(secrets.token_urlsafe(50))
    draft.chmod(stat.S_IRUSR | stat.S_IWUSR)
    try:
        os.link(draft, path)  # the first of several processes wins, the others read its secret
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


# Safety --------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or _kept_secret(DATA_DIR / "secret-key")
SECRETS_KEYS = env.words("SECRETS_KEYS") or [SECRET_KEY]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or [_host, *(["localhost", "[::1]"] if LOOPBACK else [])]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
OUTBOUND_ALLOW = env.outbound("OUTBOUND_ALLOW")
SQL_DRIVERS = env.words("SQL_DRIVERS", "postgresql, mysql, mariadb, sqlite")
AMBIENT_CREDENTIALS = env.flag("AMBIENT_CREDENTIALS")  # products may use what the server has
DEMO = env.flag("DEMO")
DEMO_LOGIN = env.flag("DEMO_LOGIN")
if DEMO_LOGIN and not all(map(env.is_loopback, [_host, HOST, *ALLOWED_HOSTS])):
    raise ImproperlyConfigured(
        "DEMO_LOGIN=1 lets anyone in and needs BASE_URL, HOST and ALLOWED_HOSTS on 127.0.0.1; "
        "unset it, or them."
    )
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# The application -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "axes",
    "mlscrum.web",
    "backlog",
    "sprints",
    "dataquality",
]
MIDDLEWARE = [
    "mlscrum.web.middleware.request_ids",
    "mlscrum.web.metrics.measured",
    "mlscrum.web.middleware.trusted_proxies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mlscrum.web.middleware.reader_time_zone",
    "mlscrum.web.middleware.tab_of_page",
    "mlscrum.web.middleware.remember_product",
    "mlscrum.web.middleware.rate_limits",
    "mlscrum.web.middleware.refuse_unreadable",
    "mlscrum.web.middleware.refuse_undeclared",
    "mlscrum.web.middleware.domain_errors",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "mlscrum.urls"
ASGI_APPLICATION = "mlscrum.asgi.application"
WSGI_APPLICATION = "mlscrum.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mlscrum.web.context.shell",
            ],
            "builtins": ["mlscrum.web.templatetags.ui"],
        },
    }
]
AUTH_USER_MODEL = "backlog.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AXES_USERNAME_FORM_FIELD = "username"  # what Django calls it, whatever USERNAME_FIELD is
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "mlscrum.web.middleware.client_ip"
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

# Data ----------------------------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'mlscrum.sqlite3'}"
DATABASES: dict[str, dict[str, Any]] = {"default": dict(dj_database_url.parse(DATABASE_URL))}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    # Without these, 103 of 360 concurrent transactions met "database is locked"; with them none.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
            "PRAGMA mmap_size=134217728; PRAGMA cache_size=-20000;"
            "PRAGMA journal_size_limit=27103364;"
        ),
    }
elif DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or postgres://.")
# Threads of the web server outlive requests (mlscrum.web.serving), and so do their connections.
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}
STORAGE_URL = env.url(
    "STORAGE_URL", (DATA_DIR / "files").as_uri(), schemes=("file", "s3", "s3+http", "s3+https")
)
STORAGES = {
    "default": storage_backend(STORAGE_URL),
    "staticfiles": {"BACKEND": "mlscrum.lib.storage.AssetStorage"},
}
UPLOAD_LIMIT_MB = env.integer("UPLOAD_LIMIT_MB", 200, minimum=1)
DOWNLOAD_LIMIT_MB = env.integer("DOWNLOAD_LIMIT_MB", 1024, minimum=1)  # of URLs and object stores
DOWNLOAD_TIMEOUT_S = env.integer("DOWNLOAD_TIMEOUT_S", 600, minimum=1)
IMPORT_LIMIT_MB = env.integer("IMPORT_LIMIT_MB", 50, minimum=1)
ARCHIVE_LIMIT_MB = env.integer("ARCHIVE_LIMIT_MB", 4096, minimum=1)  # of a product, unpacked
FILE_ENGINE = env.text("FILE_ENGINE", "duckdb")  # of data files; or pandas
if FILE_ENGINE not in {"duckdb", "pandas"}:
    raise ImproperlyConfigured(f"FILE_ENGINE must be duckdb or pandas, not {FILE_ENGINE!r}.")
DUCKDB_MEMORY_MB = env.integer("DUCKDB_MEMORY_MB", 1024, minimum=64)
DUCKDB_THREADS = env.integer("DUCKDB_THREADS", min(4, os.cpu_count() or 1), minimum=1, maximum=256)
STATEMENT_TIMEOUT_S = env.integer("STATEMENT_TIMEOUT_S", 600, minimum=1)  # of databases of others
SPARK_URL = env.text("SPARK_URL", "")
PANDAS_ROWS = env.integer("PANDAS_ROWS", 1_000_000, minimum=1)
SAMPLES_KEPT_DAYS = env.integer("SAMPLES_KEPT_DAYS", 0)  # of failing rows; 0: as long as the run
UNTRACKED_RUNS_KEPT_DAYS = env.integer("UNTRACKED_RUNS_KEPT_DAYS", 30)  # 0: for ever
VERSIONS_KEPT = env.integer("VERSIONS_KEPT", 0)  # files of each dataset, the newest; 0: all
RUNS_KEPT = env.integer("RUNS_KEPT", 0)  # of each dataset, the newest that count; 0: all
ATTACHMENT_LIMIT_MB = env.integer("ATTACHMENT_LIMIT_MB", 25, minimum=1)
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "tmp"  # raw rows on their way; made and swept at each start
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# Long work -----------------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL") or REDIS_URL or "redis://127.0.0.1:6379/0"
# Where web processes call out to each other what happened; without one they look for themselves.
LIVE_REDIS_URL = next(
    (
        address
        for address in (REDIS_URL, env.text("CELERY_BROKER_URL"))
        if urlsplit(address).scheme in {"redis", "rediss", "unix"}
    ),
    "",
)
JOB_LEASE_S = env.integer("JOB_LEASE_S", 30, minimum=2)
JOB_TIME_LIMIT_S = env.integer("JOB_TIME_LIMIT_S", 3600, minimum=10)
RUN_TIME_LIMIT_S = env.integer("RUN_TIME_LIMIT_S", min(1800, JOB_TIME_LIMIT_S // 2), minimum=1)
if RUN_TIME_LIMIT_S >= JOB_TIME_LIMIT_S:
    raise ImproperlyConfigured(
        "RUN_TIME_LIMIT_S must be less than JOB_TIME_LIMIT_S, so that a run can say why it ended."
    )
# Beside what a worker holds anyway; 0: no limit.
RUN_MEMORY_MB = env.integer("RUN_MEMORY_MB", max(2048, 2 * DUCKDB_MEMORY_MB))
if 0 < RUN_MEMORY_MB <= DUCKDB_MEMORY_MB:
    raise ImproperlyConfigured(
        "RUN_MEMORY_MB must be 0 or more than DUCKDB_MEMORY_MB, which is a part of it."
    )
WORKER_PROCESSES = env.integer("WORKER_PROCESSES", 2, minimum=1, maximum=256)
WORKER_QUEUES = env.words("WORKER_QUEUES")  # of one worker; all, where none is named
WORKER_PRELOAD = ["dataquality.engine.gx"]  # imported once, before a worker forks
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = JOB_TIME_LIMIT_S
CELERY_TASK_TIME_LIMIT = JOB_TIME_LIMIT_S + 60
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 100
WORKER_MEMORY_MB = 512  # more than a process of a worker holds before its first run
if RUN_MEMORY_MB:  # what a large run leaves behind ends with its process
    CELERY_WORKER_MAX_MEMORY_PER_CHILD = (WORKER_MEMORY_MB + RUN_MEMORY_MB) * 1024
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # the lease keeps them ours
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for ever
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A task longer than the visibility timeout would be handed out again while it runs.
    "visibility_timeout": JOB_TIME_LIMIT_S + 600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0.2,
}

# Pages ---------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
# Scripts are served as `manage.py assets` bundles them.
STATICFILES_DIRS = [
    BASE_DIR / "build" / "assets",
    ("css", BASE_DIR / "static" / "css"),
    ("img", BASE_DIR / "static" / "img"),
]
WHITENOISE_MAX_AGE = 3600
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")

# Mail ----------------------------------------------------------------------------------------
EMAIL_URL = env.url("EMAIL_URL", schemes=("smtp", "submission", "console"))
vars().update(dj_email_url.parse(EMAIL_URL or "dummy:"))
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM") or f"ML Scrum <noreply@{_host}>"
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# REST ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "backlog.access.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["backlog.access.declared.DeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mlscrum.web.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mlscrum.web.negotiation.LenientNegotiation",
    "DEFAULT_PAGINATION_CLASS": "mlscrum.web.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["mlscrum.web.filters.DeclaredFilters"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["mlscrum.web.throttling.PrincipalThrottle"],
    "EXCEPTION_HANDLER": "mlscrum.web.problems.problem_response",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": False,
}
SIGN_INS_PER_MINUTE = 30  # of one address, whoever they try to be
HOOKS_PER_MINUTE = 600  # messages of one address to one code host
HOOK_REFUSALS_PER_MINUTE = 30  # that the log of one code host takes
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
API_RATE_PER_MINUTE = env.integer("API_RATE_PER_MINUTE", 1200, minimum=1)
SPECTACULAR_SETTINGS = {
    "TITLE": "ML Scrum",
    "DESCRIPTION": "Scrum backlog and sprint tracker for ML teams: evidence files the work.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PATH_CONVERTER_OVERRIDES": {"id": int},
    "ENUM_NAME_OVERRIDES": {
        "ItemKind": "backlog.models.items.Kind",
        "FieldKind": [(name, name) for name in ("text", "number", "choice", "date", "checkbox")],
        "Priority": "backlog.rules.severity.Priority",
        "Severity": [(name, name) for name in ("critical", "warning", "info")],
        "RunState": "dataquality.models.RunState",
        "ResultsFormat": [(name, name) for name in ("gx", "dbt", "junit", "generic")],
        "ConnectionKind": "dataquality.models.ConnectionKind",
        "SourceKind": [
            (kind, kind) for kind in ("path", "url", "s3", "sql_table", "sql_query", "spark_table")
        ],
        "ArrivalState": [
            (name, name) for name in ("new", "queued", "running", "done", "failed", "cancelled")
        ],
        "ImportState": "backlog.models.Import.State",
        "ImportOutcome": "backlog.models.ImportLine.Outcome",
        "ImportLevel": "backlog.models.ImportLine.Level",
        "JobState": "backlog.models.Job.State",
        "TokenState": "backlog.models.tokens.TokenState",
        "FindingState": "backlog.models.Finding.State",
        "CodeHostKind": "backlog.models.CodeHost.Kind",
        "SprintKind": "sprints.models.Sprint.Kind",
        "CeremonyKind": "sprints.models.Ceremony.Kind",
        "CeremonyState": "sprints.models.Ceremony.State",
        "InsightKind": "sprints.models.Outcome.Sort",
        "OutcomeState": "sprints.models.Outcome.State",
        "RoundState": "sprints.models.Round.State",
        "RetroFormat": "sprints.models.Retro.Format",
        "RetroPhase": "sprints.models.Retro.Phase",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "mlscrum.web.schema.with_anything",
        "mlscrum.web.schema.with_problems",
        "mlscrum.web.examples.with_examples",
    ],
}

LOG_FORMAT = env.text("LOG_FORMAT", "line")  # for people; or json, for machines
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT must be line or json, not {LOG_FORMAT!r}.")
LOG_REQUESTS = env.flag("LOG_REQUESTS")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s%(origin)s: %(message)s"},
        "json": {"()": "mlscrum.web.logs.JsonLines"},
    },
    "filters": {
        "origin": {"()": "mlscrum.web.logs.Origin"},
        "one_time_links": {"()": "mlscrum.web.logs.OneTimeLinks"},
        "no_text_of_errors": {"()": "mlscrum.web.logs.NoTextOfErrors"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["origin", "one_time_links"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # It logs the text of what went wrong, and that may hold values of the data.
        "great_expectations": {"level": "CRITICAL"},
        "django.request": {"filters": ["no_text_of_errors"]},
    },
}
