"""Login attempts: how they are counted, and browsers in which a user has logged in before.

There are three limits: for one account at one address, for everybody at an address, and, higher,
for one account wherever the attempts come from. A browser in which a user has logged in before has
a count of its own for that account: nobody elsewhere can lock them out of it.

Source: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

COOKIE = "podium-browser"
KNOWN_S = 365 * 86_400
_SALT = "podium.known-browser"


def account_of(credentials: Mapping[str, Any]) -> str:
    """The account to log in to; the name as typed if there is none.

    Not by that name alone: the e-mail address would allow as many further attempts.
    """
    said = str(credentials.get("username") or credentials.get("email") or "").strip()
    matches = Q(username__iexact=said) | (Q(email__iexact=said) if said else Q())
    found = User.objects.filter(matches).order_by("pk").values_list("pk", flat=True).first()
    return f"user:{found}" if found is not None else f"name:{said.lower()}"


def count(request: HttpRequest, credentials: Mapping[str, Any]) -> Any:
    """Count an attempt; returns a function that undoes it on success, None if refused."""
    account = account_of(credentials)
    browser = _known(request, account)
    if browser:
        return _consume(request, "login_known", f"{account}:{browser}")
    here = _consume(request, "login_failed", f"{account}:{ratelimit.get_ip(request)}")
    anywhere = here and _consume(request, "login_anywhere", account)
    return anywhere and ratelimit.RateLimitUsage([*here.usage, *anywhere.usage])


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Mark this browser as known for an account that has just logged in."""
    if _known(request, f"user:{user.pk}"):
        return
    text = signing.TimestampSigner(salt=_SALT).sign(f"{user.pk}:{secrets.token_hex(8)}")
    response.set_cookie(
        _cookie(),
        text,
        max_age=KNOWN_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known(request: HttpRequest, account: str) -> str:
    """The key by which a browser known for this account is counted; "" for any other."""
    try:
        signer = signing.TimestampSigner(salt=_SALT)
        text = signer.unsign(request.COOKIES.get(_cookie(), ""), max_age=KNOWN_S)
    except signing.BadSignature:
        return ""
    user, _, browser = text.partition(":")
    return browser if account == f"user:{user}" else ""


def _cookie() -> str:
    return f"__Host-{COOKIE}" if settings.SESSION_COOKIE_SECURE else COOKIE


def _consume(request: HttpRequest, action: str, key: str) -> Any:
    return ratelimit.consume(request, app="allauth.account", action=action, key=key)
