"""Podium's adapters for allauth: who may have an account, and how login attempts are counted."""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.internal.ratelimit import get_ip
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from podium.accounts import attempts, guard, mail
from podium.accounts.login_settings import RECENT_S
from podium.accounts.page import title

_log = logging.getLogger("podium")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Accounts are created by administrators only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """False: nobody can sign up."""
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not for a while after the login, which proved it just as well."""
        if not super().is_reauthentication_required(app=app, **kwargs):
            return False
        request = self.request
        since = time.time() - RECENT_S
        return all(one["at"] < since for one in get_authentication_records(request, request.user))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Ways to confirm one's identity; users without any here log in elsewhere again."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        again = {"id": "again", "description": "Log in again", "url": reverse("podium_again")}
        return found or [again]

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The URL where a new password is chosen."""
        user, _, code = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": code})
        return mail.public_url(path)

    def get_email_confirmation_url(
        self,
        request: HttpRequest,  # noqa: ARG002 - allauth's signature
        emailconfirmation: Any,
    ) -> str:
        """The URL where an address is confirmed."""
        return mail.public_url(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail in the background, so that no page waits for it."""
        if not mail.can_link():
            _log.error("mail_not_sent: set accounts.url to the public URL")
            return
        site = SimpleNamespace(name=title(), domain=mail.public_url("/"))
        known = {"email": email, "current_site": site, **context}
        mail.later(self.render_mail(template_prefix, email, known).send)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt; attempts of users who are logged in are counted elsewhere."""
        if request.user.is_authenticated:
            return
        self._login_failed_rl_usage = attempts.count(request, credentials)
        if not self._login_failed_rl_usage:
            raise self.validation_error("too_many_login_attempts")

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """The response to a login: the browser is known from then on."""
        answer: HttpResponse = super().post_login(request, user, **kwargs)
        attempts.remember(request, answer, user)
        return answer

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """The user with these credentials; back ends may set permissions."""
        with guard.lifted():
            return super().authenticate(request, **credentials)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return f"{attempts.account_of(credentials)}:{get_ip(request)}"


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # as above
    """Users from a provider in the settings get an account, initially without any permissions."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        """Everybody whom the provider accepts."""
        return True

    def on_authentication_error(
        self,
        request: HttpRequest,  # noqa: ARG002 - allauth's signature
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,  # noqa: ARG002
    ) -> None:
        """The log has the reason; the page only says that it failed."""
        _log.warning("login_elsewhere_failed: %s: %s %s", provider, error or "", exception or "")
