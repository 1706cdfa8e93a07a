"""Django's settings, made from ours: nobody edits a settings module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from podium.errors import SetupError
from podium.hosts.accounts.addresses import database_of, mail_of
from podium.hosts.accounts.secret import Secret, keys_in
from podium.settings import Accounts, Provider, Settings
from podium.web.gate import host_name, is_loopback

URLS = "podium.hosts.accounts.urls"
DATABASE = "accounts.db"
STATIC = "/accounts/static/"
PASSWORD_MIN = 12
# Browsers forget after a month that a name speaks HTTPS only: a mistake can be mended.
HSTS_S = 30 * 86_400
# A login that fails, a second factor, an old password, a reset: five tries in five minutes.
TRIES = "5/5m"

APPS = (
    # Before those whose templates it has in our own look.
    "podium.hosts.accounts",
    "podium.hosts.accounts.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "podium.hosts.django",
)
MIDDLEWARE = (
    "podium.hosts.accounts.middleware.Headers",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "podium.hosts.django.audit.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "podium.hosts.accounts.middleware.SecondFactor",
)
_VALIDATORS = MappingProxyType(
    {
        "UserAttributeSimilarity": {},
        "MinimumLength": {"OPTIONS": {"min_length": PASSWORD_MIN}},
        "CommonPassword": {},
        "NumericPassword": {},
    }
)


def is_https(settings: Settings) -> bool:
    """Whether browsers speak HTTPS to this server, or to the proxy before it."""
    return bool(settings.tls_cert) or urlsplit(settings.accounts.url).scheme == "https"


def is_exposed(settings: Settings) -> bool:
    """Whether other machines can reach the accounts."""
    public = urlsplit(settings.accounts.url).hostname or "localhost"
    names = map(host_name, (settings.host, public, *settings.allowed_hosts))
    return not all(map(is_loopback, names))


def django_settings(settings: Settings, folder: Path) -> dict[str, Any]:
    """What Django is configured with.

    Args:
        folder: where the accounts keep their files; it is there.

    Raises:
        SetupError: something can't be used.
    """
    accounts = settings.accounts
    _check(accounts)
    made = {
        **_framework(settings, folder),
        **_cookies(is_https(settings)),
        "SILENCED_SYSTEM_CHECKS": _silenced(settings),
        **_logins(settings),
        **mail_of(accounts.email),
    }
    if accounts.email_from:
        made["DEFAULT_FROM_EMAIL"] = accounts.email_from
    return made | accounts.django


def _framework(settings: Settings, folder: Path) -> dict[str, Any]:
    accounts = settings.accounts
    keys = [Secret(accounts.secret_key)] if accounts.secret_key else keys_in(folder)
    return {
        "DEBUG": False,
        "SECRET_KEY": keys[0],
        "SECRET_KEY_FALLBACKS": keys[1:],
        "ALLOWED_HOSTS": _hosts(settings),
        "CSRF_TRUSTED_ORIGINS": [_origin(accounts.url)] if accounts.url else [],
        "BASE_DIR": folder,
        "DATABASES": {"default": database_of(accounts.database, folder / DATABASE)},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        # In the database, so that attempts are counted once for all workers and machines.
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "podium_cache",
                "OPTIONS": {"MAX_ENTRIES": 100_000},
            }
        },
        "INSTALLED_APPS": list(APPS),
        "MIDDLEWARE": list(MIDDLEWARE),
        "ROOT_URLCONF": URLS,
        "CSRF_FAILURE_VIEW": "podium.hosts.accounts.failures.no_token",
        "TEMPLATES": [_templates()],
        "STATIC_URL": STATIC,
        "LANGUAGE_CODE": "en",
        "TIME_ZONE": "UTC",
        "USE_TZ": True,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": settings.body_max_bytes,
        "FILE_UPLOAD_MAX_MEMORY_SIZE": settings.body_max_bytes,
        "LOGGING": _logging(),
        "X_FRAME_OPTIONS": "DENY",
        "SECURE_REFERRER_POLICY": "same-origin",
        # For commands; the server answers with models that it has opened itself.
        "PODIUM": {"models": list(settings.models), "home": settings.home},
    }


def _cookies(https: bool) -> dict[str, Any]:
    """Names and flags of cookies. Over plain HTTP browsers take neither `__Host-` nor Secure."""
    prefix = "__Host-" if https else ""
    made: dict[str, Any] = {
        "SESSION_COOKIE_NAME": f"{prefix}podium-session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": https,
        "CSRF_COOKIE_NAME": f"{prefix}podium-csrf",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": https,
        "LANGUAGE_COOKIE_HTTPONLY": True,
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
    }
    if https:
        return made | {"SECURE_SSL_REDIRECT": True, "SECURE_HSTS_SECONDS": HSTS_S}
    return made


def _silenced(settings: Settings) -> list[str]:
    """What `check --deploy` needn't say."""
    if is_https(settings):
        # HSTS for other names of the same domain: this server knows nothing of them.
        return ["security.W005", "security.W021"]
    if not is_exposed(settings):
        # No HTTPS: what is said to this machine alone doesn't leave it.
        return ["security.W004", "security.W008", "security.W012", "security.W016"]
    return []


def _logins(settings: Settings) -> dict[str, Any]:
    accounts, tries = settings.accounts, TRIES
    return {
        "AUTHENTICATION_BACKENDS": [
            *accounts.backends,
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        "PASSWORD_HASHERS": [
            "django.contrib.auth.hashers.Argon2PasswordHasher",
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of accounts that were imported
        ],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}Validator", **options}
            for name, options in _VALIDATORS.items()
        ],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "/",
        "ACCOUNT_ADAPTER": "podium.hosts.accounts.adapters.AccountAdapter",
        "ACCOUNT_LOGIN_METHODS": {"username", "email"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "email", "password1*", "password2*"],
        "ACCOUNT_FORMS": {"login": "podium.hosts.accounts.forms.NamedLoginForm"},
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": f"{settings.title}: ",
        "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": False,
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if is_https(settings) else "http",
        "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
        "ACCOUNT_RATE_LIMITS": {
            "login_failed": f"20/5m/ip,{tries}/key",
            "change_password": f"{tries}/user",
            "reauthenticate": f"{tries}/user",
            "reset_password": f"20/5m/ip,{tries}/key",
        },
        "ALLAUTH_TRUSTED_PROXY_COUNT": 0,  # the address is the right one before Django sees it
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_ISSUER": settings.title,
        "MFA_TOTP_TOLERANCE": 1,  # clocks differ: RFC 6238, 5.2
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,  # they are administrators' to give
        # A browser makes passkeys for https:// and for localhost only, whatever is set here.
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": not is_https(settings),
        "SOCIALACCOUNT_ADAPTER": "podium.hosts.accounts.adapters.SocialAccountAdapter",
        "SOCIALACCOUNT_PROVIDERS": {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "APPS": [_app(name, one) for name, one in accounts.oidc.items()],
            }
        },
        "SOCIALACCOUNT_STORE_TOKENS": False,
        "PODIUM_SECOND_FACTOR": _who_needs_two(settings),
    }


def _who_needs_two(settings: Settings) -> str:
    """Who must have a second factor: nobody, staff or everyone."""
    wanted = settings.accounts.mfa
    if wanted == "auto":
        return "staff" if is_exposed(settings) else "nobody"
    return "nobody" if wanted == "optional" else wanted


def _app(name: str, provider: Provider) -> dict[str, Any]:
    return {
        "provider_id": name,
        "name": provider.name or name,
        "client_id": provider.client_id,
        "secret": Secret(provider.client_secret),
        "settings": {"server_url": provider.issuer, "scope": list(provider.scopes)},
    }


def _templates() -> dict[str, Any]:
    processors = (
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    )
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": list(processors)},
    }


def _logging() -> dict[str, Any]:
    """Errors go where ours go. What a client did wrong was answered, and isn't worth a line."""
    quiet: Mapping[str, Any] = {"level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "loggers": {"django": {"handlers": []}, "django.request": quiet, "django.security": quiet},
    }


def _hosts(settings: Settings) -> list[str]:
    """The names that the gate lets in; it has looked at them before Django does."""
    public = urlsplit(settings.accounts.url).hostname
    if not is_loopback(host_name(settings.host)):
        return ["*"]  # any bare address too, as the gate does
    named = ["localhost", "127.0.0.1", "[::1]", settings.host, *settings.allowed_hosts]
    return list(dict.fromkeys([*named, public] if public else named))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _check(accounts: Accounts) -> None:
    parts = urlsplit(accounts.url)
    if accounts.url and (parts.scheme not in ("http", "https") or parts.path.strip("/")):
        raise SetupError(
            f"accounts.url is {accounts.url!r}", hint="give the address alone: https://podium.org"
        )
    if accounts.secret_key and len(accounts.secret_key) < 50:  # as Django's check has it
        raise SetupError("accounts.secret_key is too short", hint="use 50 characters or more")
    for name in accounts.oidc:
        if not name.isidentifier():
            raise SetupError(
                f"accounts.oidc has a provider {name!r}", hint="letters, digits and _ in its name"
            )
