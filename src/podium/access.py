"""Permissions: the only place where they are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

# In place of a model's name: every model, and what belongs to none.
ALL = "*"


class Action(StrEnum):
    """What an actor can do with a model; METRICS concerns the whole server."""

    PREDICT = "predict"
    SEE = "see"
    SEE_OWN = "see_own"
    EXPLAIN = "explain"
    FEEDBACK = "feedback"
    DELETE = "delete"
    MANAGE = "manage"
    METRICS = "metrics"


# Their names in refusals.
WORDS: Mapping[Action, str] = MappingProxyType(
    {
        Action.PREDICT: "request predictions",
        Action.SEE: "see everyone's records",
        Action.SEE_OWN: "see their own records",
        Action.EXPLAIN: "see explanations",
        Action.FEEDBACK: "give feedback",
        Action.DELETE: "delete records",
        Action.MANAGE: "manage versions",
        Action.METRICS: "see the metrics of the server",
    }
)
_NOTHING: Mapping[str, frozenset[Action]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sends a request: a user, a user's program, or an anonymous caller.

    Attributes:
        name: in records and in the audit log; a token has its owner's, anonymous callers "".
        label: the name on pages.
        grants: the permitted actions, by model; those of `ALL` count for every model.
        via: the name of the token; "" without one.
        id: stays the same for as long as the user exists and is never reused, prefixed with its
            kind: `user:7`. It identifies the owner of records; "" if only a name is known.
    """

    name: str = ""
    label: str = ""
    grants: Mapping[str, frozenset[Action]] = field(default_factory=lambda: _NOTHING)
    via: str = ""
    id: str = ""

    @property
    def owner(self) -> str:
        """The owner of the actor's records: an id with its kind, which no name can imitate."""
        return self.id or (self.name and f"name:{self.name}")

    @property
    def is_known(self) -> bool:
        """Whether the caller is known."""
        return bool(self.name)


NOBODY = Actor()
# The server, where it does something by itself.
PODIUM = Actor("podium", id="server:podium")
# The anonymous caller.
ANYONE = Actor(grants=MappingProxyType({ALL: frozenset(Action)}))


def allowed(actor: Actor, action: Action, model: str = ALL) -> bool:
    """Whether an actor may perform an action on a model. What isn't granted is denied."""
    own, general = actor.grants.get(model, ()), actor.grants.get(ALL, ())
    if action is Action.SEE_OWN:
        if Action.SEE in own or Action.SEE in general:
            return True
        if not actor.is_known:  # anonymous callers own no record
            return False
    return action in own or action in general


def may_anything(actor: Actor, model: str) -> bool:
    """Whether an actor has any permission for a model: otherwise it doesn't exist for them."""
    return bool(actor.grants.get(model) or actor.grants.get(ALL))
