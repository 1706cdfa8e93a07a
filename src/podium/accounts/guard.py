"""Nobody can grant permissions that they lack, whichever form, action or URL they use.

Invariant: it is checked where users, groups, permissions and credentials are written, so that no
view can forget it. The asker is the user of the current request. The command line is exempt, and so
is a back end that sets a user's permissions at login. Nobody, including superusers, can grant or
revoke permissions in a session that was left open: they must authenticate again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet, signals

from podium.access import Action
from podium.hosts.django.audit import linked
from podium.hosts.django.models import ApiToken
from podium.hosts.django.permissions import CODENAMES, EVERYONE, PUBLIC

# Credentials. Whoever can write another user's can log in as that user.
WAYS_IN = (EmailAddress, SocialAccount, Authenticator)
_lifted: ContextVar[bool] = ContextVar("podium_guard_lifted", default=False)


class Refused(PermissionDenied):
    """A user tried to grant more than they have. The text says what."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The permissions of a user.

    Attributes:
        names: of permissions, as `app.codename`.
    """

    is_superuser: bool
    is_staff: bool
    names: frozenset[str]

    def covers(self, name: str) -> bool:
        """Whether a permission is among them, or is included in one that is."""
        return self.is_superuser or not self.names.isdisjoint(containing(name))

    def cover(self, other: Rights) -> bool:
        """Whether somebody else has no further permissions."""
        is_higher = other.is_superuser or (other.is_staff and not self.is_staff)
        return self.is_superuser or not (is_higher or any(not self.covers(n) for n in other.names))


def rights_of(person: User) -> Rights:
    """The permissions of a user, including those they would have if their account were active."""
    same = User.objects.filter(pk=person.pk).first() or person
    same.is_active = True
    shared = Q(group__name__in=(EVERYONE, PUBLIC), content_type__app_label="podium")
    names = same.get_all_permissions() | names_of(Permission.objects.filter(shared))
    return Rights(same.is_superuser, same.is_staff, frozenset(names))


def names_of(permissions: Iterable[Permission] | QuerySet[Permission]) -> set[str]:
    """The names of permissions, as `app.codename`."""
    if isinstance(permissions, QuerySet):
        permissions = permissions.select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions}


@contextmanager
def lifted() -> Iterator[None]:
    """Suspend the guard: a back end sets the permissions of a user who is about to log in."""
    token = _lifted.set(True)
    try:
        yield
    finally:
        _lifted.reset(token)


def watch() -> None:
    """Check all writes from now on."""
    uid = "podium-guard"
    for model, receiver in ((User, _user_saved), (Group, _group_saved), (ApiToken, _token_saved)):
        signals.pre_save.connect(receiver, sender=model, dispatch_uid=uid)
    signals.pre_save.connect(_permission_written, sender=Permission, dispatch_uid=uid)
    signals.pre_delete.connect(_permission_written, sender=Permission, dispatch_uid=uid)
    signals.pre_delete.connect(_user_deleted, sender=User, dispatch_uid=uid)
    signals.pre_delete.connect(_group_deleted, sender=Group, dispatch_uid=uid)
    for way in WAYS_IN:
        signals.pre_save.connect(_way_in_written, sender=way, dispatch_uid=uid)
        signals.pre_delete.connect(_way_in_written, sender=way, dispatch_uid=uid)
    for through in (Group.permissions.through, User.groups.through, User.user_permissions.through):
        signals.m2m_changed.connect(_links_changed, sender=through, dispatch_uid=uid)


def containing(name: str) -> set[str]:
    """The permissions that include this one: for every model, and to see everybody's records."""
    app, _, code = name.partition(".")
    found = {name}
    if app != "podium":
        return found
    for action, start in CODENAMES.items():
        if code == start or code.startswith(f"{start}_"):
            found.add(f"podium.{start}")
            if action is Action.SEE_OWN:
                see = CODENAMES[Action.SEE]
                found |= {f"podium.{see}", f"podium.{see}{code.removeprefix(start)}"}
    return found


def _person() -> User | None:
    """The user of the current request; None for commands and back ends."""
    user: Any = getattr(context.request, "user", None)
    if _lifted.get() or user is None or not user.is_authenticated:
        return None
    assert isinstance(user, User)
    return user


def _current_user() -> User | None:
    """The same, if the guard applies to them: not for superusers."""
    user = _person()
    return None if user is None or user.is_superuser else user


def _check_recent() -> None:
    """Require recent authentication."""
    if _person() is not None:
        raise_if_reauthentication_required(context.request, app="podium")


def _check_person(asker: User, person: User) -> None:
    """Refuse changes to a user who has permissions that the asker lacks."""
    if person.pk != asker.pk and not rights_of(asker).cover(rights_of(person)):
        raise Refused(f"{person} has more permissions than you, so you can't change their account")


def _check_names(asker: User, names: Iterable[str]) -> None:
    """Refuse granting or revoking permissions that the asker lacks."""
    own = rights_of(asker)
    if missing := sorted(name for name in names if not own.covers(name)):
        shown = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
        raise Refused(f"you can't grant or revoke permissions that you don't have: {shown}")


def _user_saved(*, instance: User, update_fields: Any = None, **_: Any) -> None:
    if _person() is None or (update_fields and set(update_fields) <= {"last_login"}):
        return
    before = User.objects.filter(pk=instance.pk).first()
    was_superuser, was_staff = (False, False) if before is None else _flags(before)
    if _flags(instance) != (was_superuser, was_staff):
        _check_recent()
    asker = _current_user()
    if asker is None:
        return
    if before is not None:
        _check_person(asker, before)
    if instance.is_superuser and not was_superuser:
        raise Refused("only a superuser can make somebody a superuser")
    if instance.is_staff and not (was_staff or asker.is_staff):
        raise Refused("only staff can make somebody staff")


def _flags(user: User) -> tuple[bool, bool]:
    return user.is_superuser, user.is_staff


def _user_deleted(*, instance: User, **_: Any) -> None:
    if (asker := _current_user()) is not None:
        _check_person(asker, instance)


def _group_saved(*, instance: Group, **_: Any) -> None:
    """A name decides what a group means: two groups are for everybody."""
    asker = _current_user()
    before = None if asker is None else Group.objects.filter(pk=instance.pk).first()
    if asker is not None and before is not None and before.name != instance.name:
        _check_names(asker, names_of(before.permissions.all()))


def _group_deleted(*, instance: Group, **_: Any) -> None:
    if (asker := _current_user()) is not None:
        _check_names(asker, names_of(instance.permissions.all()))


def _permission_written(*, instance: Permission, **_: Any) -> None:
    """The codename of a permission decides what all its holders may do."""
    if _current_user() is not None:
        raise Refused(f"only a superuser can change the permission {instance.codename}")


def _token_saved(*, instance: ApiToken, **_: Any) -> None:
    asker = _current_user()
    if asker is not None and instance.pk is None and instance.user != asker:
        raise Refused("only a superuser can create a token for somebody else")


def _way_in_written(*, instance: Any, **_: Any) -> None:
    if (asker := _current_user()) is not None:
        _check_person(asker, instance.user)


def _links_changed(
    *, sender: Any, instance: Any, action: str, model: Any, pk_set: Any, **_: Any
) -> None:
    """Permissions or groups are added to users or groups, or removed; from either side."""
    if _person() is None or action not in ("pre_add", "pre_remove", "pre_clear"):
        return
    _check_recent()
    asker = _current_user()
    if asker is None:
        return
    ends = [instance, *linked(instance, action, sender, model, pk_set)]
    for one in ends:
        if isinstance(one, User):
            _check_person(asker, one)
    names = names_of(one for one in ends if isinstance(one, Permission))
    if not names:
        groups = [one.pk for one in ends if isinstance(one, Group)]
        names = names_of(Permission.objects.filter(group__in=groups))
    _check_names(asker, names)
