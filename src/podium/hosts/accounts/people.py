"""People's accounts, as the command line changes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from podium.errors import SetupError


def add(
    name: str, password: str, *, email: str = "", is_admin: bool = False, groups: Sequence[str] = ()
) -> User:
    """Make an account.

    Raises:
        SetupError: the name is taken or none, the password is too weak, or there is no such group.
    """
    person = User(username=name, email=email, is_staff=is_admin, is_superuser=is_admin)
    found = list(Group.objects.filter(name__in=groups))
    if missing := set(groups) - {one.name for one in found}:
        known = ", ".join(Group.objects.values_list("name", flat=True)) or "none"
        raise SetupError(f"there is no group {min(missing)!r}", hint=f"known: {known}")
    _check_password(person, password)
    person.set_password(password)
    try:
        person.full_clean()
    except ValidationError as error:
        raise SetupError(" ".join(error.messages), hint="choose another name or address") from error
    with transaction.atomic():
        person.save()
        person.groups.set(found)
    return person


def all_of_them() -> Iterator[tuple[str, ...]]:
    """Name, address, what they may, groups, second factors and last login of everybody."""
    have_two = set(Authenticator.objects.values_list("user_id", flat=True))
    for one in User.objects.order_by("username").prefetch_related("groups"):
        rights = "everything" if one.is_superuser else "as granted"
        yield (
            one.username,
            one.email,
            rights if one.is_active else "nothing: disabled",
            ", ".join(group.name for group in one.groups.all()),
            "yes" if one.pk in have_two else "no",
            f"{one.last_login:%Y-%m-%d %H:%M}" if one.last_login else "never",
        )


def set_password(name: str, password: str) -> None:
    """Give somebody another password, and end their sessions.

    Raises:
        SetupError: there is nobody of this name, or the password is too weak.
    """
    person = named(name)
    _check_password(person, password)
    person.set_password(password)
    person.save(update_fields=["password"])
    end_sessions(person)


def set_active(name: str, *, is_active: bool) -> None:
    """Let somebody in, or no more.

    Raises:
        SetupError: there is nobody of this name.
    """
    person = named(name)
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    if not is_active:
        end_sessions(person)


def forget_factors(name: str) -> int:
    """Forget somebody's second factors; how many there were.

    Raises:
        SetupError: there is nobody of this name.
    """
    n_deleted, _ = Authenticator.objects.filter(user=named(name)).delete()
    return int(n_deleted)


def end_sessions(person: User) -> None:
    """Log somebody out everywhere."""
    for session in UserSession.objects.filter(user=person):
        session.end()


def named(name: str) -> User:
    """The account of this name.

    Raises:
        SetupError: there is none.
    """
    found = User.objects.filter(username=name).first()
    if found is None:
        raise SetupError(f"nobody is called {name!r}", hint="see them with: podium user list")
    return found


def _check_password(person: User, password: str) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise SetupError(
            " ".join(error.messages), hint="use a longer one: a few words do"
        ) from error
