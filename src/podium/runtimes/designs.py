"""Designs of patsy in a form that can be pickled, which patsy itself refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class ObjectState:
    """An object of patsy, or a container of such.

    Attributes:
        kind: its class.
        parts: its attributes, pairs or items, in the same form.
    """

    kind: type
    parts: Any


@dataclass(frozen=True)
class ModuleName:
    """A module that a formula names, such as numpy."""

    name: str


def state_of(one: Any) -> Any:
    """A design, or a part of one, in a form that can be pickled.

    Functions that patsy called only to learn from the training rows are left out.
    """
    if isinstance(one, ModuleType):
        return ModuleName(one.__name__)
    if hasattr(one, "__patsy_stateful_transform__"):
        return None
    if isinstance(one, Mapping) and isinstance(one, dict):
        return ObjectState(
            type(one), [(state_of(key), state_of(value)) for key, value in one.items()]
        )
    if type(one) in (list, tuple, set, frozenset):
        return ObjectState(type(one), [state_of(part) for part in one])
    if type(one).__module__.startswith("patsy.") and hasattr(one, "__dict__"):
        return ObjectState(type(one), state_of(vars(one)))
    return one


def restored(one: Any) -> Any:
    """What `state_of` was given."""
    if isinstance(one, ModuleName):
        return import_module(one.name)
    if not isinstance(one, ObjectState):
        return one
    if issubclass(one.kind, dict):
        return one.kind((restored(key), restored(value)) for key, value in one.parts)
    if issubclass(one.kind, (list, tuple, set, frozenset)):
        return one.kind(restored(part) for part in one.parts)
    whole = object.__new__(one.kind)
    whole.__dict__.update(restored(one.parts))
    return whole
