"""The admin of the accounts: no second login that nobody limits."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


class Site(AdminSite):
    """Django's admin; who isn't logged in is sent to the login of the pages."""

    site_url = "/"

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The login of the pages, with its limits and its second factor."""
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return answer

    def password_change(  # type: ignore[override] # Django's only returns a narrower class
        self,
        request: HttpRequest,  # noqa: ARG002 - as Django calls it
        extra_context: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The page for it that everybody has."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page of the admin is given, with the name of this Podium."""
        from podium.hosts.accounts.page import title

        return {**super().each_context(request), "site_header": title(), "site_title": title()}
