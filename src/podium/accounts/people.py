"""User accounts, as the command line changes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from podium.errors import SetupError
from podium.hosts.django.tokens import revoke_tokens


def add(
    name: str, password: str, *, email: str = "", is_admin: bool = False, groups: Sequence[str] = ()
) -> User:
    """Create an account.

    Raises:
        SetupError: the name is in use or invalid, the password is too weak, or there is no such
            group.
    """
    person = User(username=name, email=email, is_staff=is_admin, is_superuser=is_admin)
    found = [group_named(one) for one in sorted(set(groups))]
    _check_password(person, password)
    person.set_password(password)
    try:
        person.full_clean()
    except ValidationError as error:
        raise SetupError(
            " ".join(error.messages), hint="choose another name or email address"
        ) from error
    with transaction.atomic():
        person.save()
        person.groups.set(found)
    return person


def with_address(email: str) -> list[User]:
    """Active users with this address: it was confirmed, or is in the account itself.

    Only an administrator, a back end or a confirmation writes it there. Users who merely requested
    an address aren't among them.
    """
    email = email.lower()
    # Addresses that a database treats as equal may differ: compared once more, exactly.
    rows = EmailAddress.objects.filter(email=email, verified=True)
    confirmed = {one.user_id for one in rows if one.email == email}
    found = User.objects.filter(Q(email__iexact=email) | Q(pk__in=confirmed), is_active=True)
    return [one for one in found if one.email.lower() == email or one.pk in confirmed]


def users_named(said: str) -> list[User]:
    """The users with this name, ignoring case if it is unique, or with this address."""
    alike = [
        one
        for one in User.objects.filter(username__iexact=said)
        if one.username.lower() == said.lower()
    ]
    same = [one for one in alike if one.username == said]
    named = same or (alike if len(alike) == 1 else [])
    return [*named, *with_address(said)]


def replace_address(person: User, old: str) -> None:
    """Make the address that an administrator entered the user's only one; notify the old one."""
    EmailAddress.objects.filter(user=person).exclude(email=person.email.lower()).delete()
    if old:
        context = {"from_email": old, "to_email": person.email or "none"}
        adapter = get_adapter()
        adapter.send_notification_mail("account/email/email_changed", person, context, email=old)


def all_of_them() -> Iterator[tuple[str, ...]]:
    """The name, address, permissions, groups, second factors and last login of every user."""
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
    """Set a user's password, log them out, and revoke their tokens.

    Raises:
        SetupError: there is no such user, or the password is too weak.
    """
    person = named(name)
    _check_password(person, password)
    person.set_password(password)
    person.save(update_fields=["password"])
    end_sessions(person)
    revoke_tokens(person)


def set_active(name: str, *, is_active: bool) -> None:
    """Enable or disable an account.

    Raises:
        SetupError: there is no such user.
    """
    person = named(name)
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    if not is_active:
        end_sessions(person)


def forget_factors(name: str) -> int:
    """Remove a user's second factors; returns their number.

    Raises:
        SetupError: there is no such user.
    """
    n_deleted, _ = Authenticator.objects.filter(user=named(name)).delete()
    return int(n_deleted)


def end_sessions(person: User) -> None:
    """Log a user out everywhere."""
    for session in UserSession.objects.filter(user=person):
        session.end()


def named(name: str) -> User:
    """The account with this name.

    Raises:
        SetupError: there is none.
    """
    found = User.objects.filter(username=name).first()
    if found is None:
        raise SetupError(f"no user is called {name!r}", hint="see them with: podium user list")
    return found


def group_named(name: str) -> Group:
    """The group with this name.

    Raises:
        SetupError: there is none.
    """
    found = Group.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
        raise SetupError(f"there is no group {name!r}", hint=f"known: {known or 'none'}")
    return found


def _check_password(person: User, password: str) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise SetupError(
            " ".join(error.messages), hint="use a longer one, such as a few words"
        ) from error
