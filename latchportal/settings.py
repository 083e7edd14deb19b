"""Every setting of the site, each read from the environment once, loud when wrong. No logic beyond that.

The one place that documents them is docs/settings.md; a test compares the two.
"""

from importlib import util
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from latchportal import admin_look, deployment, notice_settings

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- what this installation is -------------------------------------------------------------------------------
LATCH_DEMO = env.bool("LATCH_DEMO", default=False)
LATCH_INSTANCE = env.str("LATCH_INSTANCE", default="dev")
LATCH_VERSION = "0.1.0"
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = deployment.secret(env, "SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL.startswith("https://") else []
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# --- Entra, Azure, Graph -------------------------------------------------------------------------------------
ENTRA_AUTHORITY = env.str("ENTRA_AUTHORITY", default="https://login.microsoftonline.com").rstrip("/")
ENTRA_TENANT_ID = deployment.tenant(env)
ENTRA_CLIENT_ID = env.str("ENTRA_CLIENT_ID", default="")
ENTRA_CLIENT_SECRET = deployment.secret(env, "ENTRA_CLIENT_SECRET", default="")
ARM_ENDPOINT = env.str("ARM_ENDPOINT", default="https://management.azure.com").rstrip("/")
GRAPH_ENDPOINT = env.str("GRAPH_ENDPOINT", default="https://graph.microsoft.com").rstrip("/")
AZURE_CREDENTIAL = env.str("AZURE_CREDENTIAL", default="managed")
AZURE_CLIENT_ID = env.str("AZURE_CLIENT_ID", default="")
AZURE_POLL_SECONDS = env.float("AZURE_POLL_SECONDS", default=0.5)
deployment.refuse_pretend_cloud(
    demo=LATCH_DEMO,
    endpoints={
        "ENTRA_AUTHORITY": ENTRA_AUTHORITY,
        "ARM_ENDPOINT": ARM_ENDPOINT,
        "GRAPH_ENDPOINT": GRAPH_ENDPOINT,
    },
    hosts=[*ALLOWED_HOSTS, BASE_URL],
)

# --- policy, codes, rules ------------------------------------------------------------------------------------
POLICY_DIR = Path(env.str("POLICY_DIR", default=str(BASE_DIR / "policy")))
LATCH_KEY_DIR = Path(env.str("LATCH_KEY_DIR", default=str(BASE_DIR / ".latch" / "keys")))
LATCH_KEY_LEAD_SECONDS = deployment.lead(env.int("LATCH_KEY_LEAD_SECONDS", default=900), demo=LATCH_DEMO)
LATCH_KEY_VAULT_KEY = env.str("LATCH_KEY_VAULT_KEY", default="")
LATCH_KEY_VAULT_URL = deployment.key_vault(
    env.str("LATCH_KEY_VAULT_URL", default=""), LATCH_KEY_VAULT_KEY, demo=LATCH_DEMO
)
LATCH_CODE_AUDIENCE = env.str("LATCH_CODE_AUDIENCE", default=BASE_URL)
PRIORITY_BAND = deployment.band(env.str("PRIORITY_BAND", default="200-999"))
OPENING_BUDGET_SECONDS = env.int("OPENING_BUDGET_SECONDS", default=120)
ALERT_WEBHOOK_URL = deployment.hook(env.str("ALERT_WEBHOOK_URL", default=""), demo=LATCH_DEMO)
ALERT_WEBHOOK_SECRET = deployment.secret(env, "ALERT_WEBHOOK_SECRET", default="")
ALERT_MAIL_TO = deployment.mail_to(env.str("ALERT_MAIL_TO", default="roles"))
EXPORT_DIR = deployment.exports(env.str("EXPORT_DIR", default=""), demo=LATCH_DEMO)
TRAIL_HEADS = deployment.heads(env.str("TRAIL_HEADS", default=""), demo=LATCH_DEMO)
ORPHAN_LIMIT = env.int("ORPHAN_LIMIT", default=10)
DIRECTORY_MAX_AGE_SECONDS = env.int("DIRECTORY_MAX_AGE_SECONDS", default=300)
ROTA_MAX_AGE_SECONDS = env.int("ROTA_MAX_AGE_SECONDS", default=3600)

# --- the trail, shipped elsewhere ----------------------------------------------------------------------------
SENTINEL_RULE_ID = env.str("SENTINEL_RULE_ID", default="")
SENTINEL_STREAM = env.str("SENTINEL_STREAM", default="Custom-LatchAudit")
SENTINEL_ENDPOINT = deployment.sentinel(
    env.str("SENTINEL_ENDPOINT", default=""), SENTINEL_RULE_ID, demo=LATCH_DEMO
)
SYSLOG_CA_FILE = env.str("SYSLOG_CA_FILE", default="")
SYSLOG_URL = deployment.syslog(env.str("SYSLOG_URL", default=""), SYSLOG_CA_FILE)
OCSF_DIR = deployment.folder("OCSF_DIR", env.str("OCSF_DIR", default=""))

# --- Azure's Activity Log, beside the trail -----------------------------------------------------------------
LOG_ANALYTICS_WORKSPACE = env.str("LOG_ANALYTICS_WORKSPACE", default="")
LOG_ANALYTICS_ENDPOINT = deployment.log_analytics(
    env.str("LOG_ANALYTICS_ENDPOINT", default=""), LOG_ANALYTICS_WORKSPACE, demo=LATCH_DEMO
)

# --- the house -----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "django_bootstrap5",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "requests_app",
    "audit_app",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "latchportal.middleware.OriginMiddleware",
    # Outside of all that may answer by itself, so that no answer goes without.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "latchportal.middleware.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "latchportal.entra.sessions.SessionAgeMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "latchportal.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "latchportal.urls"
WSGI_APPLICATION = "latchportal.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["latchportal.components"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "latchportal.chrome.chrome",
            ],
        },
    }
]

# --- database, broker ----------------------------------------------------------------------------------------
# The site's role does not own the tables; `migrate --database owner` uses the one that does.
DATABASES = {
    "default": env.db_url("DATABASE_URL", default="postgresql:///latchportal"),
    "owner": env.db_url(
        "DATABASE_OWNER_URL", default=env.str("DATABASE_URL", default="postgresql:///latchportal")
    ),
}
for _database in DATABASES.values():
    if _database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL database: the schema's rules need one."
        )
    _database.setdefault("CONN_MAX_AGE", 60)
    _database.setdefault("CONN_HEALTH_CHECKS", True)
    _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DATABASES["owner"]["TEST"] = {"MIRROR": "default"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CELERY_APP = "latchportal.celery.app"

# --- sign-in -------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "requests_app.Person"
AUTHENTICATION_BACKENDS = ["latchportal.entra.backend.EntraBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
ACCOUNT_ADAPTER = "latchportal.entra.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "mail"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
SOCIALACCOUNT_ONLY = True
SOCIALACCOUNT_ADAPTER = "latchportal.entra.adapter.EntraAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "entra",
                "name": "Entra ID",
                "client_id": ENTRA_CLIENT_ID,
                "secret": ENTRA_CLIENT_SECRET,
                "settings": {
                    "server_url": f"{ENTRA_AUTHORITY}/{ENTRA_TENANT_ID}/v2.0",
                    "fetch_userinfo": False,
                    "uid_field": "oid",
                    "oauth_pkce_enabled": True,
                },
            }
        ],
    }
}
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_IDLE_SECONDS_PRIVILEGED = 30 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- transport -----------------------------------------------------------------------------------------------
_tls = not (LATCH_DEMO or DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _tls
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=_tls)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000 if _tls else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _tls
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF, ENTRA_AUTHORITY],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
# django-unfold drives its pages with Alpine, which compiles expressions: its own policy, for /admin/ alone.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": [SELF, NONCE, "'unsafe-eval'"],
    "style-src": [SELF, "'unsafe-inline'"],
}

# --- words, times, files -------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = False
STATIC_URL = "static/"
_bootstrap = util.find_spec("bootstrap")
if _bootstrap is None or not _bootstrap.submodule_search_locations:
    raise ImproperlyConfigured("Bootstrap's files are missing: install the bootstrap-wrapper package.")
STATICFILES_DIRS = [
    ("bootstrap", str(next(iter(_bootstrap.submodule_search_locations)))),
    BASE_DIR / "latchportal" / "static",
]
# Names with a hash in them need `collectstatic`, which the image runs; a demo serves the files as they lie.
_hashed = not (DEBUG or LATCH_DEMO)
STATIC_ROOT = BASE_DIR / "staticfiles" if _hashed else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _hashed
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _hashed

# --- mail ----------------------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
# Without one a server that hangs would hold a worker for ever.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", default="latchportal <latchportal@localhost>")

NOTICE_CHANNELS = notice_settings.channels(deployment.secret(env, "NOTICE_CHANNELS", default=""))
NOTICES_ALWAYS = notice_settings.always(env.str("NOTICES_ALWAYS", default=""))
NOTICE_ROUTES = notice_settings.routes(env.str("NOTICE_ROUTES", default=""), NOTICE_CHANNELS)

# --- logs ----------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="console" if (DEBUG or LATCH_DEMO) else "json")
LOGGING = deployment.logging_config(level=LOG_LEVEL, style=LOG_FORMAT)

BOOTSTRAP5 = {"set_placeholder": False, "success_css_class": ""}
UNFOLD = admin_look.unfold(LATCH_INSTANCE)
