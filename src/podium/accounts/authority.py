"""The actor and the links at the top of pages, for our own server with accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import Error
from django.db.models import Q, QuerySet
from django.urls import reverse

from podium.accounts.second_factor import FACTORS, whom
from podium.hosts.django.authority import RememberingAuthority
from podium.hosts.django.models import ApiToken
from podium.http import Request
from podium.policy.authority import WayOut


class AccountsAuthority(RememberingAuthority):
    """Django's users, and links to their account, to the admin and to the login page."""

    def links(self, request: Request) -> Sequence[tuple[str, str]]:
        """The links to one's account pages."""
        user: Any = getattr(request.native, "user", None)
        try:
            is_there = user is not None and user.is_authenticated
        except Error:  # the page already says that the accounts can't be read
            return ()
        if not is_there:
            return [("Log in", reverse("account_login"))]
        admin = [("Admin", reverse("admin:index"))] if user.is_staff else []
        return [*admin, ("Account", reverse("podium_account"))]

    def way_out(self, request: Request) -> WayOut:  # noqa: ARG002 - as Authority
        """None: the whole site is ours, and one logs out on the page of one's account."""
        return WayOut()

    def _tokens(self) -> QuerySet[ApiToken]:
        """Without those of users who must have a second factor and have none: they can't log in."""
        found, needing = super()._tokens(), whom()
        if needing == "nobody":
            return found
        has_two = Q(user__authenticator__type__in=FACTORS)
        is_free = Q(user__is_staff=False) if needing == "staff" else Q(pk__in=())
        return found.filter(has_two | is_free).distinct()
