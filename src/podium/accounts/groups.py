"""Groups and their permissions, as the command line changes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet

from podium.access import ALL, Action
from podium.accounts import people
from podium.errors import SetupError
from podium.hosts.django.permissions import (
    EVERYONE,
    PUBLIC,
    codename,
    known_models,
    right_of,
    words_of,
)

_MEANT = {EVERYONE: "everyone who is logged in", PUBLIC: "everybody"}


def create(name: str) -> Group:
    """Create a group without permissions.

    Raises:
        SetupError: the name is in use or invalid.
    """
    made = Group(name=name)
    try:
        made.full_clean()
    except ValidationError as error:
        raise SetupError(" ".join(error.messages), hint="choose another name") from error
    made.save()
    return made


def all_of_them() -> Iterator[tuple[str, str, str]]:
    """The name, members and permissions of each group."""
    rows = Group.objects.order_by("name").annotate(n_members=Count("user"))
    for one in rows.prefetch_related("permissions__content_type"):
        found: dict[str, list[str]] = {}
        for permission in one.permissions.all():
            action, model = right_of(permission) or ("", permission.codename)
            found.setdefault(model, []).append(action)
        rights = (
            f"{'every model' if model == ALL else model}: {', '.join(sorted(actions))}"
            for model, actions in sorted(found.items())
        )
        members = _MEANT.get(one.name, str(one.n_members))  # type: ignore[attr-defined] # annotated
        yield one.name, members, "; ".join(rights) or "nothing"


def delete(name: str) -> int:
    """Delete a group; returns the number of its members.

    Raises:
        SetupError: there is no such group, or Podium itself needs it.
    """
    found = people.group_named(name)
    if name in _MEANT:
        raise SetupError(f"the group {name!r} is built in", hint="revoke its permissions instead")
    n_members = members_of(found).count()
    found.delete()
    return n_members


def change_rights(
    name: str, actions: Sequence[Action], models: Collection[str], *, is_granted: bool
) -> list[str]:
    """Grant permissions to a group, or revoke them; returns the changes, in words.

    Args:
        models: names, and ALL for every model; the metrics belong to no model.

    Raises:
        SetupError: there is no such group or model, or no model is named.
    """
    found = people.group_named(name)
    rows = _permissions(actions, models)
    held = found.permissions.filter(pk__in=[one.pk for one in rows])
    has = set(held.values_list("pk", flat=True))
    changed = [one for one in rows if (one.pk in has) != is_granted]
    with transaction.atomic():
        if is_granted:
            found.permissions.add(*changed)
        else:
            found.permissions.remove(*changed)
    return [words_of(*right) for one in changed if (right := right_of(one))]


def change_members(name: str, added: Collection[str], removed: Collection[str]) -> list[str]:
    """Add users to a group, or remove them; returns its members.

    Raises:
        SetupError: there is no such group or user, or the group can't have members.
    """
    found = people.group_named(name)
    if name in _MEANT and (added or removed):
        raise SetupError(
            f"the group {name!r} is for {_MEANT[name]}", hint="it can't have members of its own"
        )
    if twice := set(added) & set(removed):
        raise SetupError(f"{min(twice)!r} is both added and removed", hint="give only one of them")
    to_add, to_remove = ([people.named(one) for one in names] for names in (added, removed))
    with transaction.atomic():
        for one in to_add:
            one.groups.add(found)
        for one in members_of(found).filter(pk__in=[one.pk for one in to_remove]):
            one.groups.remove(found)
    return list(members_of(found).values_list("username", flat=True))


def members_of(group: Group) -> QuerySet[User]:
    """The members of a group, by name."""
    return User.objects.filter(groups=group).order_by("username")


def _permissions(actions: Sequence[Action], models: Collection[str]) -> list[Permission]:
    """The permissions for these actions and models.

    Raises:
        SetupError: no model is named, or one was never served.
    """
    known = known_models()
    if missing := sorted(set(models) - {ALL, *known}):
        raise SetupError(
            f"no model called {missing[0]!r} has been served here",
            hint=f"known: {', '.join(known) or 'none'}; serve it once",
        )
    of_models = [one for one in actions if one is not Action.METRICS]
    if of_models and not models:
        raise SetupError(
            f"{of_models[0]} needs a model", hint="pass --model NAME, or --every-model"
        )
    names = {codename(action, model) for action in of_models for model in models}
    if Action.METRICS in actions:
        names.add(codename(Action.METRICS))
    rows = Permission.objects.filter(
        content_type__app_label="podium",
        content_type__model="servedmodel",
        codename__in=names,
    )
    return list(rows.select_related("content_type").order_by("codename"))
