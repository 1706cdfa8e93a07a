"""Django's and allauth's settings for logins: passwords, limits, second factors, providers."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from podium.account_settings import Provider
from podium.accounts.reach import is_exposed, is_https
from podium.accounts.secret import Secret
from podium.settings import Settings

PASSWORD_MIN = 12
# Failed logins, second factors, old passwords, resets: five attempts in five minutes.
TRIES = "5/5m"
# For everybody at one address, which may be a whole company behind a proxy.
ADDRESS_TRIES = "100/10m"
# For one account, wherever attempts come from, except from browsers it has been used in before.
ANYWHERE_TRIES = "100/1h/key"
# How long an authentication counts as recent for changes to credentials: addresses, tokens, second
# factors.
RECENT_S = 15 * 60

_VALIDATORS = MappingProxyType(
    {
        "UserAttributeSimilarity": {},
        "MinimumLength": {"OPTIONS": {"min_length": PASSWORD_MIN}},
        "CommonPassword": {},
        "NumericPassword": {},
    }
)


def logins(settings: Settings) -> dict[str, Any]:
    """The settings for logins."""
    accounts, tries = settings.accounts, TRIES
    return {
        "AUTHENTICATION_BACKENDS": [
            *accounts.backends,
            "podium.accounts.passwords.PasswordBackend",
        ],
        "PASSWORD_HASHERS": [
            "django.contrib.auth.hashers.Argon2PasswordHasher",
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of imported accounts
        ],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"django.contrib.auth.password_validation.{name}Validator", **options}
            for name, options in _VALIDATORS.items()
        ],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "/",
        "ACCOUNT_ADAPTER": "podium.accounts.adapters.AccountAdapter",
        "ACCOUNT_LOGIN_METHODS": {"username", "email"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "email", "password1*", "password2*"],
        "ACCOUNT_FORMS": {
            "login": "podium.accounts.forms.NamedLoginForm",
            "reset_password": "podium.accounts.forms.ForgottenPasswordForm",
            "reset_password_from_key": "podium.accounts.forms.ResetPasswordForm",
            "change_password": "podium.accounts.forms.NewPasswordForm",
            "add_email": "podium.accounts.forms.NewAddressForm",
        },
        "ACCOUNT_CHANGE_EMAIL": True,  # one address, which a new one replaces once it is confirmed
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        # A merely claimed address doesn't block the first login of its real owner through a
        # provider.
        "ACCOUNT_PREVENT_ENUMERATION": "strict",
        "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
        "ACCOUNT_REAUTHENTICATION_METHODS": {"password", "mfa"},
        "ACCOUNT_REAUTHENTICATION_TIMEOUT": RECENT_S,
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": f"{settings.title}: ",
        "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": False,
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if is_https(settings) else "http",
        "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
        "ACCOUNT_RATE_LIMITS": {
            # An attempt that the first limit refuses doesn't count for the others: one account's
            # mistakes don't lock out a company behind one address.
            "login": "300/m/ip",
            "login_failed": f"{tries}/key,{ADDRESS_TRIES}/ip",
            "login_anywhere": ANYWHERE_TRIES,
            "login_known": f"{tries}/key",
            "change_password": f"{tries}/user",
            "reauthenticate": f"{tries}/user",
            "reset_password": f"{tries}/key,{ADDRESS_TRIES}/ip",
        },
        "ALLAUTH_TRUSTED_PROXY_COUNT": 0,  # the address is already correct before Django sees it
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_ISSUER": settings.title,
        "MFA_TOTP_TOLERANCE": 1,  # clock drift: RFC 6238, 5.2
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,  # they are assigned by administrators
        # Browsers create passkeys for https:// and for localhost only, whatever is set here.
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": not is_https(settings),
        "SOCIALACCOUNT_ADAPTER": "podium.accounts.adapters.SocialAccountAdapter",
        "SOCIALACCOUNT_PROVIDERS": {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "provider_class": "podium.accounts.openid.Provider",
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
