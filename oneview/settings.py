"""Settings, read from the environment. What `up` leaves in VAR_DIR stands in for variables that are not set."""

import warnings
from collections import ChainMap
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environ import Env

from oneview import logs
from oneview.embedded import running

BASE_DIR = Path(__file__).resolve().parent.parent
django_stubs_ext.monkeypatch()  # ModelAdmin[...] and the like also at run time

Env.read_env(BASE_DIR / ".env")
env = Env()
env.ENVIRON = ChainMap(env.ENVIRON, running.environment())

# Places and keys

VAR_DIR = running.var_dir()
DEBUG = env.bool("DEBUG", False)
DEMO = env.bool("DEMO", False)
ALLOW_LOCAL_PROVIDERS = env.bool("ALLOW_LOCAL_PROVIDERS", DEMO)

PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
HTTPS = _public.scheme == "https"
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=list(dict.fromkeys([_public.hostname, *([] if HTTPS else LOOPBACK)])))

SECRET_KEY = env.str("SECRET_KEY", "")  # Django refuses to sign with an empty one
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS", default=[])  # the first encrypts, all decrypt

# Code

INSTALLED_APPS = [
    "oneview.apps.OneViewConfig",
    "oneview.accounts.apps.AccountsConfig",
    "identity.apps.IdentityConfig",
    "channels_ingest.apps.ChannelsIngestConfig",
    "inbox.apps.InboxConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "lucide",
    "rest_framework",
]
MIDDLEWARE = [
    "django_structlog.middlewares.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "oneview.accounts.middleware.AccountMiddleware",
]
ROOT_URLCONF = "oneview.urls"
ASGI_APPLICATION = "oneview.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
CHANNELS_INGEST_SINK = "inbox.intake.handle_events"

# PostgreSQL: two roles on one database. `default` serves behind row level security, `owner` migrates.


def _database(url: str, **options: object) -> dict[str, Any]:
    database: dict[str, Any] = env.db_url_config(url)
    # Statements with arrays go to the server in binary and prepared: by far the cheapest way to hand over a batch.
    bound = {"server_side_binding": True, "prepare_threshold": 5}
    options = {**bound, **database.pop("OPTIONS", {}), "connect_timeout": 3, **options}
    host = options.pop("host", database["HOST"])  # a socket's folder comes as ?host=
    lifetime = {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    return {**database, **lifetime, "HOST": host, "OPTIONS": options, "ATOMIC_REQUESTS": False}


# A command or a worker holds one connection for each of its threads; the pool is for the web process.
_pool = {"pool": {"min_size": 2, "max_size": 20, "timeout": 3}} if env.bool("POOL", True) else {}
_url = env.str("DATABASE_URL", f"postgres://oneview_app@/oneview?host={VAR_DIR}/postgres/run")
DATABASES = {
    "default": _database(_url, **_pool) | {"TEST": {"MIRROR": "owner"}},
    "owner": _database(env.str("DATABASE_OWNER_URL", _url)),
}
DATABASE_ROUTERS = ["oneview.database.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis: a doorbell. Short time-outs, because no answer may wait for it.

REDIS_URL = env.str("REDIS_URL", f"unix://{VAR_DIR}/redis/run/redis.sock?db=0")
REDIS_PREFIX = env.str("REDIS_PREFIX", "oneview:")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"{REDIS_PREFIX}live"},
    }
}
CACHES = {
    "default": {
        "BACKEND": "oneview.common.cache.OptionalRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}cache",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

# Files

if urlsplit(_media := env.str("MEDIA_URL", f"file://{VAR_DIR}/media")).scheme != "file":
    raise ImproperlyConfigured(f"MEDIA_URL must be a file:// address, not {_media}")
MEDIA_ROOT = Path(urlsplit(_media).path)
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# "collected" (production): hashed and compressed by collectstatic; "sources": straight from where they are written.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = env.str("STATICFILES", "collected") == "sources"
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")  # WhiteNoise's files
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "oneview.staticstorage.HashedStorage"
    },
}

# Sign-in

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/inbox/"
ACCOUNT_ADAPTER = "oneview.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
SESSION_COOKIE_AGE = 14 * 24 * 3600

# E-mail

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"OneView <oneview@{_public.hostname}>")

# What browsers are told

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF, f"{'wss' if HTTPS else 'ws'}://{_public.netloc}"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# Languages and time

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# API

REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "OneView",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Logs

LOG_LEVEL = env.str("LOG_LEVEL", "info").upper()
LOGGING = logs.configure(level=LOG_LEVEL, console=env.str("LOG_FORMAT", "json") == "console")
