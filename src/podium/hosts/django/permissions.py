"""Django's permissions for models, and the two groups without members."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from podium.access import ALL, ANYONE, WORDS, Action

# The permissions of these groups apply to everybody who is logged in, and to everybody.
EVERYONE = "Everyone who is logged in"
PUBLIC = "The public"
# None of them is another one followed by "_", so that no model's name can make a permission look
# like that of another action.
CODENAMES: Mapping[Action, str] = MappingProxyType(
    {action: action.value for action in Action} | {Action.SEE: "see_all"}
)
_OF_MODELS = tuple(action for action in Action if action is not Action.METRICS)


def codename(action: Action, model: str = ALL) -> str:
    """Django's name of the permission, after `podium.`."""
    return CODENAMES[action] if model == ALL else f"{CODENAMES[action]}_{model}"


def codenames(models: Iterable[str]) -> dict[str, tuple[Action, str]]:
    """The action and the model of each permission."""
    found = {codename(action): (action, ALL) for action in Action}
    for model in models:
        found |= {codename(action, model): (action, model) for action in _OF_MODELS}
    return found


def right_of(permission: Any) -> tuple[Action, str] | None:
    """The action and the model of one of Django's permissions; None if it isn't one of ours."""
    kind, name = permission.content_type, permission.codename
    if (kind.app_label, kind.model) != ("podium", "servedmodel"):
        return None
    for action, start in CODENAMES.items():
        if name == start:
            return action, ALL
        if action in _OF_MODELS and name.startswith(f"{start}_"):
            return action, name.removeprefix(f"{start}_")
    return None


def known_models() -> list[str]:
    """Every model that was ever served, or migrated: there are permissions for it."""
    from django.contrib.auth.models import Permission

    start = codename(Action.PREDICT, "")
    rows = Permission.objects.filter(
        content_type__app_label="podium",
        content_type__model="servedmodel",
        codename__startswith=start,
    )
    return sorted(name.removeprefix(start) for name in rows.values_list("codename", flat=True))


def granted(has: Callable[[str], bool], models: Iterable[str]) -> dict[str, frozenset[Action]]:
    """The granted actions by model.

    Args:
        has: whether the permission with this codename is given.
    """
    found: dict[str, set[Action]] = {}
    for name, (action, model) in codenames(models).items():
        if has(name):
            found.setdefault(model, set()).add(action)
    return {model: frozenset(actions) for model, actions in found.items()}


def granted_to(user: Any, models: Iterable[str]) -> Mapping[str, frozenset[Action]]:
    """The grants of a user, as the project's back ends determine them, without the two groups."""
    if not user.is_active:
        return {}
    if getattr(user, "is_superuser", False):
        return ANYONE.grants
    has_perm = getattr(user, "has_perm", None)  # a user model may lack permissions
    if has_perm is None:
        return {}
    return granted(lambda name: has_perm(f"podium.{name}"), models)


def granted_to_groups(models: Iterable[str]) -> tuple[dict[str, frozenset[Action]], ...]:
    """The grants of the public, and those of everyone who is logged in."""
    from django.contrib.auth.models import Permission

    rows = Permission.objects.filter(
        group__name__in=(PUBLIC, EVERYONE), content_type__app_label="podium"
    ).values_list("group__name", "codename")
    held: dict[str, set[str]] = {PUBLIC: set(), EVERYONE: set()}
    for group, name in rows:
        held[group].add(name)
    known = held[PUBLIC] | held[EVERYONE]
    return (
        granted(held[PUBLIC].__contains__, models),
        granted(known.__contains__, models),
    )


def joined(*grants: Mapping[str, frozenset[Action]]) -> dict[str, frozenset[Action]]:
    """The union of several grants."""
    found: dict[str, frozenset[Action]] = {}
    for some in grants:
        for model, actions in some.items():
            found[model] = found.get(model, frozenset()) | actions
    return found


def make_permissions(models: Iterable[str], using: str = "default") -> None:
    """Create missing permissions for models, and the two groups."""
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType
    from django.db import connections

    from podium.hosts.django.models.served import ServedModel

    kinds = ContentType.objects.db_manager(using)
    kind = kinds.get_for_model(ServedModel)
    rows = Permission.objects.using(using)
    wanted = codenames(models)
    there = set(rows.filter(content_type__app_label="podium").values_list("codename", flat=True))
    # Another process may create the same.
    new = [
        Permission(content_type=kind, codename=name, name=f"may {words_of(action, model)}")
        for name, (action, model) in wanted.items()
        if name not in there
    ]
    if connections[using].features.supports_ignore_conflicts:
        rows.bulk_create(new, ignore_conflicts=True)
    else:
        for one in new:
            rows.get_or_create(
                content_type=kind, codename=one.codename, defaults={"name": one.name}
            )
    for name in (EVERYONE, PUBLIC):
        Group.objects.using(using).get_or_create(name=name)


def words_of(action: Action, model: str) -> str:
    """The action in words, to follow "may"."""
    if action is Action.METRICS:
        return "see the metrics"
    return f"{WORDS[action]} of {'every model' if model == ALL else model}"
