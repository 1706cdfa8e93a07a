"""Forms of the admin that only offer what the guard permits, and show the rest read-only."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import QuerySet
from django.http import HttpRequest

from podium.accounts import guard, people
from podium.accounts.forms import AdministratorsPasswordForm


class _Guarded:
    """Rows about a user or a group; users with fewer permissions can only view them."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Requires Django's permission, and at least the permissions of the object."""
        has: bool = super().has_change_permission(request, obj)  # type: ignore[misc]
        return has and (obj is None or self._is_within(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same."""
        has: bool = super().has_delete_permission(request, obj)  # type: ignore[misc]
        return has and (obj is None or self._is_within(request.user, obj))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        """The groups and permissions that the user may grant."""
        field = super().formfield_for_manytomany(db_field, request, **kw)  # type: ignore[misc]
        if field is not None and not getattr(request.user, "is_superuser", False):
            field.queryset = _grantable(request.user, field.queryset)
        return field

    @abstractmethod  # no ABC, whose metaclass isn't Django's: without it nobody may change anything
    def _is_within(self, asker: Any, obj: Any) -> bool:
        """Whether the user may change this object."""


class GuardedUsers(_Guarded):
    """Users."""

    change_password_form = AdministratorsPasswordForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only superusers can appoint superusers."""
        fields = tuple(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        if getattr(request.user, "is_superuser", False):
            return fields
        return (*fields, "is_superuser")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A new address replaces the old one, which is notified."""
        old = form.initial.get("email") or ""
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        if change and "email" in form.changed_data:
            people.replace_address(obj, old)

    def _is_within(self, asker: Any, obj: User) -> bool:
        return obj.pk == asker.pk or guard.rights_of(asker).cover(guard.rights_of(obj))


class GuardedGroups(_Guarded):
    """Groups, by the permissions that they give."""

    def _is_within(self, asker: Any, obj: Group) -> bool:
        own = guard.rights_of(asker)
        return all(map(own.covers, guard.names_of(obj.permissions.all())))


class GuardedWaysIn(_Guarded):
    """E-mail addresses and accounts elsewhere, by the user whom they let in."""

    def _is_within(self, asker: Any, obj: Any) -> bool:
        mine: bool = obj.user_id == asker.pk
        return mine or guard.rights_of(asker).cover(guard.rights_of(obj.user))


def _grantable(asker: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    own = guard.rights_of(asker)
    names = guard.names_of
    if rows.model is Permission:
        found = [one.pk for one in rows.select_related("content_type") if own.covers(*names([one]))]
    else:
        found = [one.pk for one in rows if all(map(own.covers, names(one.permissions.all())))]
    return rows.filter(pk__in=found)
