"""The fields of a form in groups that people find their way in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from podium.signature import Signature
from podium.web.form import Widget

# Up to here a form is read from top to bottom.
PLAIN_MAX = 20
# From here on fields are lines of a few columns across the whole page.
DENSE_MIN = 61
# A prefix is a group if this many fields share it, and together the groups have most fields.
GROUP_MIN, GROUPED_SHARE, GROUPS_MAX = 3, 0.6, 40
OTHERS = "Other fields"
_PREFIX = re.compile(r"[^\W\d_]+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Group:
    """Some fields of a form; the title is "" if they are all.

    Attributes:
        id: of its element.
    """

    id: str
    title: str
    widgets: tuple[Widget, ...]


def is_dense(signature: Signature) -> bool:
    """Whether there are so many fields that each gets a line, and its help waits until it is needed."""
    return len(signature.fields) >= DENSE_MIN


def grouped(signature: Signature, widgets: Sequence[Widget]) -> list[Group]:
    """The fields that the model uses, in groups, each in the order of its first field.

    The signature's own groups come first; without any, many fields are grouped by what their names
    begin with, or else into required and optional ones.
    """
    shown = [widget for widget in widgets if not widget.is_folded]
    titles = {field.name: field.group.strip() for field in signature.fields}
    if not any(titles[widget.name] for widget in shown):
        titles = _by_prefix(shown) if len(shown) > PLAIN_MAX else {}
    if not titles and len(shown) > PLAIN_MAX:
        shown.sort(key=lambda widget: widget.is_optional)
        titles = {w.name: "Optional" if w.is_optional else "Required" for w in shown}
    return _groups(shown, titles)


def _groups(shown: Iterable[Widget], titles: dict[str, str]) -> list[Group]:
    members: dict[str, list[Widget]] = {}
    for widget in shown:
        members.setdefault(titles.get(widget.name, ""), []).append(widget)
    others = members.pop("", [])
    if len(members) + bool(others) <= 1:
        alone = next(iter(members.values()), others)
        return [Group("g0", "", tuple(alone))] if alone else []
    named = [*members.items(), *([(OTHERS, others)] if others else [])]
    return [Group(f"g{i}", title, tuple(some)) for i, (title, some) in enumerate(named)]


def _by_prefix(shown: Sequence[Widget]) -> dict[str, str]:
    """The groups by field name, if their names begin with a few words; otherwise nothing."""
    prefixes = {widget.name: _prefix(widget.name) for widget in shown}
    counts = Counter(prefixes.values())
    large = {prefix for prefix, n in counts.items() if prefix and n >= GROUP_MIN}
    n_grouped = sum(counts[prefix] for prefix in large)
    if not 1 < len(large) <= GROUPS_MAX or n_grouped < GROUPED_SHARE * len(shown):
        return {}
    return {
        name: f"{prefix[0].upper()}{prefix[1:]}" if prefix in large else ""
        for name, prefix in prefixes.items()
    }


def _prefix(name: str) -> str:
    found = _PREFIX.match(name.strip())
    return found[0].casefold() if found else ""
