"""What is known of a fleet: what it shall serve, and how its servers are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

NAME = "podium"  # of a fleet, and the namespace of all of them
NAMESPACE = "podium"
NAMES = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")

Status: TypeAlias = Literal["starting", "ready", "degraded", "failing", "failed", "lost"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a fleet shall serve, as every node can read it.

    Attributes:
        settings: those that differ from the defaults; a node's own `PODIUM_*` fill in the others.
        models: the digest of the version that answers, by the name of the model.
        port: of the first server of a machine.
        cpus: that a node must have free, and that Ray reserves there.
    """

    settings: dict[str, Any]
    models: dict[str, str]
    port: int
    cpus: float


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the process of a server is started with, on its standard input.

    Attributes:
        models: files of bundles.
        parent: the process with which it ends.
    """

    settings: dict[str, Any]
    models: tuple[str, ...]
    parent: int


@dataclass(frozen=True, kw_only=True)
class ServerState:
    """How a server of a fleet is.

    Attributes:
        node: the id of its node in Ray.
        address: its URL.
        status: as `/readyz` says it; `failed` if it doesn't start, `lost` if its actor doesn't
            respond.
        reason: why it isn't ready; "" where it is.
        versions: the digest of the version that answers, by the name of the model.
        pid: of its process on the node; 0 for none.
        n_starts: how often its process was started since its actor was.
    """

    node: str
    address: str
    status: Status
    reason: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    pid: int = 0
    n_starts: int = 0


@dataclass(frozen=True, kw_only=True)
class Rolled:
    """How far a change of version came.

    Attributes:
        changed: the addresses of the servers that serve it.
        failed: the address of the one that couldn't; "" if all could.
        reason: why it couldn't.
        stuck: why a server that was changed didn't go back, by its address.
    """

    changed: tuple[str, ...] = ()
    failed: str = ""
    reason: str = ""
    stuck: dict[str, str] = field(default_factory=dict)


PLANS = msgspec.msgpack.Decoder(Plan)
ORDERS = msgspec.msgpack.Decoder(Order)
PORTS = msgspec.msgpack.Decoder(dict[str, int])
