"""The admin of the accounts, without a second login page that has no limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import update_wrapper
from types import MappingProxyType
from typing import Any

from allauth.account.decorators import reauthentication_required, secure_admin_login
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from podium.accounts.guarded_admin import GuardedGroups, GuardedUsers, GuardedWaysIn


class _Seen(ModelAdmin):  # type: ignore[type-arg] # Django has no arguments when it runs
    """Can be viewed and deleted, without secrets that would let anyone log in as somebody else."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - as Django calls it
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody may."""
        return False


class _SecondFactors(GuardedWaysIn, _Seen):
    """Without their secrets. Deleting one lets in a user who has lost it."""

    fields = ("user", "type", "created_at", "last_used_at")
    list_display = fields
    list_filter = ("type",)
    search_fields = ("user__username",)


class _Sessions(_Seen):
    """Without their keys. Deleting a session ends it."""

    fields = ("user", "ip", "user_agent", "created_at")
    list_display = fields
    search_fields = ("user__username", "ip")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:  # noqa: ARG002 - as Django calls it
        """End it."""
        obj.end()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:  # noqa: ARG002
        """End them."""
        for session in queryset:
            session.end()


# Replace those of allauth: None hides what the settings say.
_INSTEAD: Mapping[str, type[ModelAdmin[Any]] | None] = MappingProxyType(
    {
        "mfa.authenticator": _SecondFactors,
        "usersessions.usersession": _Sessions,
        "socialaccount.socialapp": None,
        "socialaccount.socialtoken": None,
    }
)
# Replace those of Django and allauth.
_GUARDS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "auth.user": GuardedUsers,
        "auth.group": GuardedGroups,
        "account.emailaddress": GuardedWaysIn,
        "socialaccount.socialaccount": GuardedWaysIn,
    }
)


class Site(AdminSite):
    """Django's admin, with the login page of the other pages."""

    site_url = "/"
    # Tables need the room, and every page has the way back.
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register tables, those of allauth with our own classes."""
        several = isinstance(model_or_iterable, Iterable)
        for model in model_or_iterable if several else [model_or_iterable]:
            label = model._meta.label_lower  # noqa: SLF001 - as Django documents it
            chosen = _INSTEAD.get(label, admin_class)
            if chosen is not None and label in _GUARDS:
                chosen = type(chosen.__name__, (_GUARDS[label], chosen), {})
            if chosen is not None or admin_class is None:
                super().register(model, chosen, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A page of the admin. For changes, the user must have authenticated recently."""
        page = super().admin_view(view, cacheable)
        if getattr(view, "__name__", "") == "logout":
            return page
        checked = reauthentication_required(page, enabled=self._is_change)

        def printable(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                answer: HttpResponse = checked(request, *args, **kwargs)
            except ReauthenticationRequired:
                if any("password" in name for name in request.POST):
                    request.method = "GET"  # never store a password in the session
                raise
            return answer

        return update_wrapper(printable, page)

    def _is_change(self, request: HttpRequest) -> bool:
        return request.method == "POST" and self.has_permission(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The login page of the other pages, with its limits and its second factor."""
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return answer

    def password_change(  # type: ignore[override] # Django's only returns a narrower class
        self,
        request: HttpRequest,  # noqa: ARG002 - as Django calls it
        extra_context: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The page for it that every user has."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """The context of every admin page, with the name of this site."""
        from podium.accounts.page import title

        return {**super().each_context(request), "site_header": title(), "site_title": title()}
