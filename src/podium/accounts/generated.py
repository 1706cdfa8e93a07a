"""Django's settings, generated from ours: nobody edits a settings module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from podium.accounts.addresses import database_of, is_private, mail_of
from podium.accounts.login_settings import logins
from podium.accounts.reach import hosts, is_exposed, is_https, origin
from podium.accounts.secret import Secret, keys_in
from podium.errors import SetupError
from podium.settings import Settings

URLS = "podium.accounts.urls"
DATABASE = "accounts.db"
STATIC = "/accounts/static/"
# Browsers forget after a month that a host uses HTTPS only, so a mistake can be corrected.
HSTS_S = 30 * 86_400
APPS = (
    # Before the apps whose templates it replaces with our own design.
    "podium.accounts",
    "podium.accounts.apps.AdminConfig",
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
    "podium.accounts.middleware.Headers",
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
    "podium.accounts.second_factor.SecondFactor",
)


def django_settings(settings: Settings, folder: Path) -> dict[str, Any]:
    """The settings that Django is configured with.

    Args:
        folder: where the accounts store their files; it exists.

    Raises:
        SetupError: a setting is invalid.
    """
    accounts = settings.accounts
    _check(settings)
    made = {
        **_framework(settings, folder),
        **_cookies(is_https(settings)),
        "SILENCED_SYSTEM_CHECKS": _silenced(settings),
        **logins(settings),
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
        "ALLOWED_HOSTS": hosts(settings),
        "CSRF_TRUSTED_ORIGINS": [origin(accounts.url)] if accounts.url else [],
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
        "CSRF_FAILURE_VIEW": "podium.accounts.failures.no_token",
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
        # For commands; the server uses the models that it has opened itself.
        "PODIUM": {"models": list(settings.models), "home": settings.home},
    }


def _cookies(https: bool) -> dict[str, Any]:
    """Names and flags of cookies. Over plain HTTP browsers accept neither `__Host-` nor Secure."""
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
    """Warnings of `check --deploy` that don't apply."""
    if is_https(settings):
        # HSTS for other names of the same domain: this server knows nothing about them.
        return ["security.W005", "security.W021"]
    if not is_exposed(settings):
        # No HTTPS: requests from this machine alone don't leave it.
        return ["security.W004", "security.W008", "security.W012", "security.W016"]
    return []


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
    """Errors go where ours go. Clients' mistakes were answered and aren't worth a log line."""
    quiet: Mapping[str, Any] = {"level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "loggers": {"django": {"handlers": []}, "django.request": quiet, "django.security": quiet},
    }


def _check(settings: Settings) -> None:
    accounts = settings.accounts
    parts = urlsplit(accounts.url)
    if accounts.url and (parts.scheme not in ("http", "https") or parts.path.strip("/")):
        raise SetupError(
            f"accounts.url is {accounts.url!r}",
            hint="give only the scheme and host: https://podium.org",
        )
    for name, noun in (("email", "links in emails lead"), ("oidc", "providers send people back")):
        if getattr(accounts, name) and not accounts.url and is_exposed(settings):
            raise SetupError(
                f"accounts.{name} is set, but not accounts.url, where {noun}",
                hint='set the public URL: url = "https://models.example" in [accounts]',
            )
    if accounts.secret_key and len(accounts.secret_key) < 50:  # as Django's check has it
        raise SetupError("accounts.secret_key is too short", hint="use 50 characters or more")
    for name, provider in accounts.oidc.items():
        if not is_private(provider.issuer):
            raise SetupError(
                f"accounts.oidc.{name} has the issuer {provider.issuer!r}",
                hint="use an https:// URL; http:// is allowed on this machine only",
            )
        if not name.isidentifier():
            raise SetupError(
                f"accounts.oidc has a provider {name!r}",
                hint="use letters, digits and _ in its name",
            )
