"""The cluster: connecting to it, its nodes, and what its head keeps for a fleet."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass
from typing import Any

import msgspec

from podium.errors import SetupError
from podium.plugins import needs
from podium.ray.state import NAMESPACE, PLANS, PORTS, Plan

# Ray's head holds what is kept in memory, and takes at most 512 MiB in a message.
BUNDLE_BYTES_MAX = 256 << 20
_KEPT = b"podium"
_REACH_S = 5.0


@dataclass(frozen=True)
class Node:
    """A node that lives.

    Attributes:
        address: its IP address, which other nodes reach it by.
        cpus: that it has in all.
    """

    id: str
    address: str
    cpus: float


def connect(address: str | None = None) -> None:
    """Connect this process to a cluster, unless it is connected already.

    Args:
        address: `host:port` of its head; by default what `RAY_ADDRESS` says, or the one that runs on
            this machine.

    Raises:
        MissingExtra: Ray isn't installed.
        SetupError: there is no cluster.
    """
    with needs("ray"):
        import ray
    if ray.is_initialized():
        return
    where = address or os.environ.get("RAY_ADDRESS") or ""
    _check_reachable(where)
    try:
        ray.init(
            address=address or "auto",
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise _no_cluster(where or "this machine", reason) from error


def _check_reachable(where: str) -> None:
    """Refuse an address at which nobody listens: Ray itself would try for many minutes."""
    host, _, port = where.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(where, str(error)) from error


def _no_cluster(where: str, reason: str) -> SetupError:
    return SetupError(
        f"no Ray cluster responds at {where}: {reason}",
        hint="start one with ray start --head, or name one with --address HOST:6379",
    )


def nodes(cpus: float = 0) -> list[Node]:
    """The nodes that live and have so many cores, in the order of their addresses."""
    import ray

    found = [
        Node(one["NodeID"], one["NodeManagerAddress"], one["Resources"].get("CPU", 0))
        for one in ray.nodes()
        if one["Alive"]
    ]
    return sorted((one for one in found if one.cpus >= cpus), key=lambda one: (one.address, one.id))


class FleetStore:
    """What the head of the cluster keeps for a fleet: its plan, its bundles and its ports.

    It is where Ray itself keeps the packages that it distributes, and is as durable as the head: a
    cluster whose head is lost is lost, unless Ray was given a Redis to keep this in.
    """

    def __init__(self, fleet: str) -> None:
        self._fleet = fleet

    def plan(self) -> Plan | None:
        """What the fleet shall serve; None where there is no such fleet."""
        kept = self._get("plan")
        return None if kept is None else PLANS.decode(kept)

    def set_plan(self, plan: Plan) -> None:
        """Replace the plan, which every server reads when it starts."""
        self._put("plan", msgspec.msgpack.encode(plan))

    def ports(self) -> dict[str, int]:
        """The port of each node's server, by the node's id."""
        kept = self._get("ports")
        return {} if kept is None else PORTS.decode(kept)

    def set_ports(self, ports: dict[str, int]) -> None:
        """Replace them."""
        self._put("ports", msgspec.msgpack.encode(ports))

    def bundle(self, digest: str) -> bytes | None:
        """The file of a version."""
        return self._get(f"bundle/{digest}")

    def add_bundle(self, digest: str, content: bytes) -> None:
        """Keep the file of a version, so that each node can get it."""
        if len(content) > BUNDLE_BYTES_MAX:
            raise SetupError(
                f"the bundle has {len(content) >> 20} MiB; Ray distributes {BUNDLE_BYTES_MAX >> 20} at most",
                hint="put it into an image with podium image, and run that on every node",
            )
        self._put(f"bundle/{digest}", content)

    def keep_only(self, digests: set[str]) -> None:
        """Forget the bundles of other versions."""
        prefix = f"{self._fleet}/bundle/"
        for key in self._keys(prefix):
            if key.removeprefix(prefix) not in digests:
                self._delete(key)

    def clear(self) -> None:
        """Forget all that is kept for the fleet."""
        for key in self._keys(f"{self._fleet}/"):
            self._delete(key)

    def _get(self, key: str) -> bytes | None:
        found: bytes | None = _store("get", self._key(key))
        return found

    def _put(self, key: str, value: bytes) -> None:
        _store("put", self._key(key), value)

    def _key(self, key: str) -> bytes:
        return f"{self._fleet}/{key}".encode()

    @staticmethod
    def _keys(prefix: str) -> list[str]:
        return [key.decode() for key in _store("list", prefix.encode())]

    @staticmethod
    def _delete(key: str) -> None:
        _store("del", key.encode())


def _store(verb: str, *arguments: bytes) -> Any:
    # What Ray Serve and runtime environments keep their own state in; there is no other that outlives
    # the process that put something there.
    from ray.experimental import internal_kv

    return getattr(internal_kv, f"_internal_kv_{verb}")(*arguments, namespace=_KEPT)
