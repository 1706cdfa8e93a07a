"""The permissions of users and groups as cells of a table, their sources, and changing them.

Invariant: nobody's change is overwritten unseen. What a form shows is sent back with it, and
compared under a lock with the current state; if they differ, nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from django.conf import settings as project
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import F

from podium.access import ALL, WORDS, Action
from podium.accounts.guard import Refused, Rights, containing, rights_of
from podium.hosts.django.models import AuditEntry
from podium.hosts.django.permissions import EVERYONE, PUBLIC, codename, codenames

Subject: TypeAlias = User | Group
# In the order of the columns; permissions that belong to no model are shown with every model.
HEADINGS: Mapping[Action, str] = {
    Action.PREDICT: "Predict",
    Action.SEE_OWN: "See own",
    Action.SEE: "See all",
    Action.EXPLAIN: "Explain",
    Action.FEEDBACK: "Feedback",
    Action.DELETE: "Delete",
    Action.MANAGE: "Manage",
    Action.METRICS: "Metrics",
}
OF_MODELS = tuple(one for one in HEADINGS if one is not Action.METRICS)
_OURS = {"content_type__app_label": "podium", "content_type__model": "servedmodel"}


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a permission: a group, or a wider permission.

    Attributes:
        group: its name and id; None for the user's own permission.
        by: the wider permission that includes it, in words; "" if it is the permission itself.
    """

    group: tuple[str, int] | None
    by: str

    def __str__(self) -> str:
        if self.group is None:
            return self.by
        return f"through {self.group[0]} ({self.by})" if self.by else f"through {self.group[0]}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One permission of one user or group.

    Attributes:
        value: its name in forms: the subject, and Django's name of the permission.
        is_granted: whether it is currently granted to the user or group directly.
        is_ticked: the same, unless an unsaved form says otherwise.
        is_open: whether the viewer may change it.
        is_moved: whether somebody else changed it while a form was open.
        is_given: whether it applies, from any source.
    """

    value: str
    action: Action
    words: str
    is_granted: bool
    is_ticked: bool
    is_open: bool
    is_moved: bool
    is_given: bool
    sources: tuple[Source, ...]

    @property
    def heading(self) -> str:
        """The action, as the heading of its column."""
        return HEADINGS[self.action]

    @property
    def through(self) -> str:
        """All sources in one line."""
        return "; ".join(map(str, self.sources))


class Stale(Exception):
    """A form whose content is outdated.

    Attributes:
        cells: those that somebody else changed, and whether each is granted now.
    """

    def __init__(self, cells: Mapping[str, bool]) -> None:
        super().__init__(f"{len(cells)} permissions changed")
        self.cells = cells


@dataclass(frozen=True, slots=True)
class Form:
    """The submitted form: cells by their values."""

    subjects: Sequence[Subject]
    rights: Collection[str]
    was: frozenset[str]
    ticked: frozenset[str]


@dataclass(frozen=True)
class Book:
    """The permissions of some users and groups, for a viewer.

    Attributes:
        asker: the viewer.
        ticks: cells whose submitted state differs from the database.
        moved: cells that somebody else changed.
    """

    asker: User
    subjects: Sequence[Subject]
    ticks: Mapping[str, bool] = field(default_factory=dict)
    moved: Collection[str] = ()

    def cells(self, subject: Subject, model: str) -> list[Cell]:
        """The permissions of a subject with a model."""
        actions = HEADINGS if model == ALL else OF_MODELS
        return [self._cell(subject, action, model) for action in actions]

    def is_open(self, subject: Subject, right: str) -> bool:
        """Whether the viewer may change this."""
        return self._may_change(subject) and self._own.covers(f"podium.{right}")

    @cached_property
    def _own(self) -> Rights:
        return rights_of(self.asker)

    @cached_property
    def _direct(self) -> Mapping[str, frozenset[str]]:
        return direct(self.subjects)

    @cached_property
    def _groups(self) -> Mapping[int, tuple[str, frozenset[str]]]:
        """The name and permissions of each group, by id."""
        granted = direct(groups := list(Group.objects.order_by("name")))
        return {one.pk: (one.name, granted[key_of(one)]) for one in groups}

    @cached_property
    def _memberships(self) -> Mapping[int, Sequence[int]]:
        """The groups of each user, by id."""
        people = [one.pk for one in self.subjects if isinstance(one, User)]
        for_all = [pk for pk, (name, _) in self._groups.items() if name in (EVERYONE, PUBLIC)]
        found: dict[int, list[int]] = {person: [] for person in people}
        links = User.groups.through.objects.filter(user_id__in=people)
        for person, group in links.order_by("group__name").values_list("user_id", "group_id"):
            found[person].append(group)
        return {one: list(dict.fromkeys([*own, *for_all])) for one, own in found.items()}

    @cached_property
    def _changeable(self) -> dict[str, bool]:
        return {}

    def _may_change(self, subject: Subject) -> bool:
        key = key_of(subject)
        if key not in self._changeable:
            self._changeable[key] = self._is_within(subject)
        return self._changeable[key]

    def _is_within(self, subject: Subject) -> bool:
        if isinstance(subject, Group):
            return self.asker.has_perm("auth.change_group")
        if subject.is_superuser or not self.asker.has_perm("auth.change_user"):
            return False
        own = self._own
        return own.is_superuser or subject == self.asker or own.cover(rights_of(subject))

    def _cell(self, subject: Subject, action: Action, model: str) -> Cell:
        right = codename(action, model)
        value = f"{key_of(subject)}:{right}"
        is_granted = right in self._direct[key_of(subject)]
        sources = tuple(self._sources(subject, right, action, model))
        is_active = isinstance(subject, Group) or subject.is_active
        return Cell(
            value=value,
            action=action,
            words=f"{WORDS[action]}{_of(action, model)}",
            is_granted=is_granted,
            is_ticked=self.ticks.get(value, is_granted),
            is_open=self.is_open(subject, right),
            is_moved=value in self.moved,
            is_given=is_active and (is_granted or bool(sources)),
            sources=sources,
        )

    def _sources(
        self, subject: Subject, right: str, action: Action, model: str
    ) -> Iterator[Source]:
        """The sources of the permission, except the cell itself."""
        known = codenames([] if model == ALL else [model])
        wider = {
            name: known[name] for one in containing(f"podium.{right}") if (name := one[7:]) in known
        }
        own = self._direct[key_of(subject)]
        by = {name: _by(*which, action, model) for name, which in wider.items()}
        order = sorted(wider, key=lambda name: name != right)
        yield from (Source(None, by[name]) for name in order if name in own and name != right)
        if isinstance(subject, Group) or not subject.is_active:
            return
        if subject.is_superuser:
            yield Source(None, "as a superuser")
            return
        groups = [(pk, *self._groups[pk]) for pk in self._memberships[subject.pk]]
        found = [(pk, name) for name in order for pk, _, held in groups if name in held]
        yield from (Source((self._groups[pk][0], pk), by[name]) for pk, name in found)
        is_unknown = not found and own.isdisjoint(wider) and self._asks_elsewhere
        if is_unknown and any(subject.has_perm(f"podium.{name}") for name in wider):
            yield Source(None, "by an authentication backend")

    @property
    def _asks_elsewhere(self) -> bool:
        """Whether permissions also come from elsewhere than these tables."""
        return bool(project.PODIUM_SETTINGS.settings.accounts.backends)


def key_of(subject: Subject) -> str:
    """The name of a user or a group in forms."""
    return f"{'u' if isinstance(subject, User) else 'g'}{subject.pk}"


def with_keys(keys: Iterable[str]) -> list[Subject]:
    """The users and groups with these names in forms, if they exist."""
    ids: dict[str, list[int]] = {"u": [], "g": []}
    order = list(dict.fromkeys(keys))
    for key in order:
        if key[:1] in ids and key[1:].isascii() and key[1:].isdigit() and len(key) < 19:
            ids[key[0]].append(int(key[1:]))
    people: list[Subject] = [*User.objects.filter(pk__in=ids["u"])]
    found = {key_of(one): one for one in [*people, *Group.objects.filter(pk__in=ids["g"])]}
    return [found[key] for key in order if key in found]


def direct(subjects: Iterable[Subject]) -> dict[str, frozenset[str]]:
    """The permissions granted directly to each subject, by key."""
    found: dict[str, set[str]] = {key_of(one): set() for one in subjects}
    ours = {f"permission__{name}": value for name, value in _OURS.items()}
    for letter, through, owner in (
        ("u", User.user_permissions.through, "user_id"),
        ("g", Group.permissions.through, "group_id"),
    ):
        ids = [int(key[1:]) for key in found if key[0] == letter]
        rows: Any = through.objects.filter(**{f"{owner}__in": ids}, **ours)
        for pk, name in rows.values_list(owner, "permission__codename"):
            found[f"{letter}{pk}"].add(name)
    return {key: frozenset(names) for key, names in found.items()}


def granted_models() -> set[str]:
    """Models for which permissions exist, whether they are served or not."""
    held: Any = Permission.objects.filter(**_OURS)
    names = held.exclude(group=None, user=None).values_list("codename", flat=True).distinct()
    starts = [f"{codename(action)}_" for action in OF_MODELS]
    return {name.removeprefix(one) for name in names for one in starts if name.startswith(one)}


def save(asker: User, form: Form) -> tuple[int, int]:
    """Save the changes of a form; returns how many permissions were granted and revoked.

    Raises:
        Stale: somebody else changed what it shows; nothing is written.
        Refused: the asker may not change one of them; nothing is written.
    """
    book = Book(asker, form.subjects)
    shown = {
        f"{key_of(one)}:{right}": (one, right) for one in form.subjects for right in form.rights
    }
    changed = form.was ^ form.ticked
    for value in changed:
        if not book.is_open(*shown[value]):
            raise Refused("you can't change this permission here")
    with transaction.atomic():
        # One form at a time: the next writer sees what was written here.
        Permission.objects.filter(**_OURS, codename="predict").update(name=F("name"))
        now = direct(form.subjects)
        moved = {
            value: right in now[key_of(one)]
            for value, (one, right) in shown.items()
            if book.is_open(one, right) and (right in now[key_of(one)]) != (value in form.was)
        }
        if moved:
            raise Stale(moved)
        for subject in form.subjects:
            wanted = {shown[value][1] for value in changed if shown[value][0] is subject}
            _write(subject, wanted - now[key_of(subject)], wanted & now[key_of(subject)])
    n_granted = len(form.ticked - form.was)
    return n_granted, len(changed) - n_granted


def changed_by(subject: Subject, action: Action, model: str, is_granted: bool) -> str:
    """Who last changed this permission, according to the audit log; "" for a command."""
    event = "granted" if is_granted else "revoked"
    rows = AuditEntry.objects.filter(event=event, target=str(subject)).order_by("-id")
    said = {"model": "every model" if model == ALL else model, "action": action.value}
    for entry in rows[:100]:
        if said.items() <= entry.details.items():
            return entry.actor
    return ""


def _write(subject: Subject, added: Collection[str], removed: Collection[str]) -> None:
    held = subject.user_permissions if isinstance(subject, User) else subject.permissions
    rows = Permission.objects.filter(**_OURS)
    if added:
        held.add(*rows.filter(codename__in=added))
    if removed:
        held.remove(*rows.filter(codename__in=removed))


def _of(action: Action, model: str) -> str:
    if action is Action.METRICS:
        return ""
    return " of every model" if model == ALL else f" of {model}"


def _by(of: Action, which: str, action: Action, model: str) -> str:
    """The description of a wider permission beside the narrower one; "" if they are the same."""
    words = HEADINGS[of] if of is not action else ""
    return f"{words} for every model".strip() if which == ALL != model else words
