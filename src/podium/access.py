"""Who may do what: the one place where it is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

# In place of a model's name: every model, and what belongs to none.
ALL = "*"


class Action(StrEnum):
    """What can be done with a model; METRICS is about the whole server."""

    PREDICT = "predict"
    SEE = "see"
    SEE_OWN = "see_own"
    FEEDBACK = "feedback"
    DELETE = "delete"
    MANAGE = "manage"
    METRICS = "metrics"


# How a refusal names them.
WORDS: Mapping[Action, str] = MappingProxyType(
    {
        Action.PREDICT: "request predictions",
        Action.SEE: "see everyone's records",
        Action.SEE_OWN: "see their own records",
        Action.FEEDBACK: "give feedback",
        Action.DELETE: "delete records",
        Action.MANAGE: "manage versions",
        Action.METRICS: "see the metrics of the server",
    }
)
_NOTHING: Mapping[str, frozenset[Action]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user, a program of a user's, or nobody in particular.

    Attributes:
        name: as records and the audit log call them; that of its owner for a token, "" for nobody.
        label: as pages call them.
        grants: what they may do, by model; those of `ALL` count for every model.
        via: the name of the token that they came with; "" where they came by themselves.
        id: what stays the same for as long as they exist and is never given to somebody else, with
            its kind in front: `user:7`. Their records are theirs by it; "" where only a name is
            known.
    """

    name: str = ""
    label: str = ""
    grants: Mapping[str, frozenset[Action]] = field(default_factory=lambda: _NOTHING)
    via: str = ""
    id: str = ""

    @property
    def owner(self) -> str:
        """Whose their records are: an id with its kind, so that no name can pass for an id."""
        return self.id or (self.name and f"name:{self.name}")

    @property
    def is_known(self) -> bool:
        """Whether it is somebody."""
        return bool(self.name)


NOBODY = Actor()
# Who asks where there are no accounts.
ANYONE = Actor(grants=MappingProxyType({ALL: frozenset(Action)}))


def allowed(actor: Actor, action: Action, model: str = ALL) -> bool:
    """Whether an actor may do something with a model. What nobody granted is denied."""
    own, general = actor.grants.get(model, ()), actor.grants.get(ALL, ())
    if action is Action.SEE_OWN:
        if Action.SEE in own or Action.SEE in general:
            return True
        if not actor.is_known:  # nobody in particular owns no record
            return False
    return action in own or action in general


def may_anything(actor: Actor, model: str) -> bool:
    """Whether an actor may do anything at all with a model: if not, it isn't there for them."""
    return bool(actor.grants.get(model) or actor.grants.get(ALL))
