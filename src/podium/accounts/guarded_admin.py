"""Forms of the admin that offer what the guard lets through, and show the rest as it is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import QuerySet
from django.http import HttpRequest

from podium.accounts import guard, people
from podium.accounts.forms import AdministratorsPasswordForm


class _Guarded:
    """Rows that concern a person or a group; who may less looks at them only."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who has Django's permission, for those who may no more than they do."""
        has: bool = super().has_change_permission(request, obj)  # type: ignore[misc]
        return has and (obj is None or self._is_within(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The same."""
        has: bool = super().has_delete_permission(request, obj)  # type: ignore[misc]
        return has and (obj is None or self._is_within(request.user, obj))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        """Of groups and permissions, those that who asks can give."""
        field = super().formfield_for_manytomany(db_field, request, **kw)  # type: ignore[misc]
        if field is not None and not getattr(request.user, "is_superuser", False):
            field.queryset = _grantable(request.user, field.queryset)
        return field

    def _is_within(self, asker: Any, obj: Any) -> bool:
        """Whether who asks may change this one: each kind of object says it for itself."""
        raise NotImplementedError


class GuardedUsers(_Guarded):
    """People."""

    change_password_form = AdministratorsPasswordForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Superusers alone make superusers."""
        fields = tuple(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        if getattr(request.user, "is_superuser", False):
            return fields
        return (*fields, "is_superuser")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Another address takes the place of the old one, which is told."""
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
    """E-mail addresses and accounts elsewhere, by whom they let in."""

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
