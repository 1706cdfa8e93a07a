"""What allauth asks: who may have an account, and how attempts are counted."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest

_log = logging.getLogger("podium")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Accounts are made by administrators."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody makes an account for themselves."""
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:  # noqa: ARG002
        # Allauth counts by the Host header and by what was typed: each name of this server, and
        # the e-mail address beside the name, would give five tries more.
        said = str(credentials.get("username") or credentials.get("email") or "").strip()
        matches = Q(username__iexact=said) | (Q(email__iexact=said) if said else Q())
        found = User.objects.filter(matches).order_by("pk").values_list("pk", flat=True).first()
        return f"user:{found}" if found is not None else f"name:{said.lower()}"


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # as above
    """Whom a provider in the settings knows gets an account, without any rights at first."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        """Everybody whom the provider lets in."""
        return True

    def on_authentication_error(
        self,
        request: HttpRequest,  # noqa: ARG002 - as allauth calls it
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,  # noqa: ARG002
    ) -> None:
        """The log tells why; the page tells only that it failed."""
        _log.warning("login_elsewhere_failed: %s: %s %s", provider, error or "", exception or "")
