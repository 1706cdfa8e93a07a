"""Designs of patsy in a form that can be pickled, which patsy itself refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Kept:
    """An object of patsy, or a container of such.

    Attributes:
        kind: its class.
        parts: its attributes, pairs or items, kept likewise.
    """

    kind: type
    parts: Any


@dataclass(frozen=True)
class KeptModule:
    """A module that a formula names, such as numpy."""

    name: str


def kept(one: Any) -> Any:
    """A design, or a part of one, in a form that can be pickled.

    Functions that patsy called only to learn from the training rows are left out.
    """
    if isinstance(one, ModuleType):
        return KeptModule(one.__name__)
    if hasattr(one, "__patsy_stateful_transform__"):
        return None
    if isinstance(one, Mapping) and isinstance(one, dict):
        return Kept(type(one), [(kept(key), kept(value)) for key, value in one.items()])
    if type(one) in (list, tuple, set, frozenset):
        return Kept(type(one), [kept(part) for part in one])
    if type(one).__module__.startswith("patsy.") and hasattr(one, "__dict__"):
        return Kept(type(one), kept(vars(one)))
    return one


def restored(one: Any) -> Any:
    """What `kept` was given."""
    if isinstance(one, KeptModule):
        return import_module(one.name)
    if not isinstance(one, Kept):
        return one
    if issubclass(one.kind, dict):
        return one.kind((restored(key), restored(value)) for key, value in one.parts)
    if issubclass(one.kind, (list, tuple, set, frozenset)):
        return one.kind(restored(part) for part in one.parts)
    whole = object.__new__(one.kind)
    whole.__dict__.update(restored(one.parts))
    return whole
