"""The actor that keeps a fleet: a server on every node, each of them with the fleet's versions.

It runs on the head of the cluster, and holds nothing that isn't kept there: started again, it finds
the servers by their names. Servers are started, changed and stopped under one lock.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from podium.ray.cluster import FleetStore, Node, nodes
from podium.ray.node import NodeServer, end_unless
from podium.ray.state import NAMESPACE, Plan, Rolled, ServerState, Status

LOOK_S = 1.0
HEALTH_S = 5.0
# A trial of a version takes two minutes at most.
FOLLOW_S = 180.0
STOP_S = 60.0
_RUNNING = ("ready", "degraded", "failing")


def keeper_name(fleet: str) -> str:
    """The name of the actor that keeps a fleet."""
    return f"{fleet}-keeper"


class Keeper:
    """Keeps a fleet until it is stopped.

    Args:
        fleet: its name.
    """

    def __init__(self, fleet: str) -> None:
        self._fleet = fleet
        self._kept = FleetStore(fleet)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._states: dict[str, ServerState] = {}
        threading.Thread(target=self._run, name="podium-keeper", daemon=True).start()

    def states(self) -> list[ServerState]:
        """How the servers are, in the order of their addresses."""
        self._looked.wait(HEALTH_S)  # after a start they aren't known yet
        return sorted(self._states.values(), key=lambda one: one.address)

    def roll(self, model: str, digest: str, note: str) -> Rolled:
        """Let a version answer on one server after the other, and on those that start later.

        At the first server that can't, those that were changed go back. None is changed while one of
        them doesn't run.
        """
        self._looked.wait()  # not with the lock, which looking takes
        with self._lock:
            plan = self._plan()
            servers = self.states()
            for one in servers:
                if one.status not in _RUNNING:
                    reason = f"it is {one.status}" + (f": {one.reason}" if one.reason else "")
                    return Rolled(failed=one.address, reason=reason)
            for n_changed, one in enumerate(servers):
                if reason := self._follow(one.node, model, digest, note):
                    return self._go_back(servers[: n_changed + 1], model, plan, reason)
            models = plan.models | {model: digest}
            self._kept.set_plan(msgspec.structs.replace(plan, models=models))
            self._kept.keep_only({plan.models[model], *models.values()})
        return Rolled(changed=tuple(one.address for one in servers))

    def stop(self) -> None:
        """Stop every server after its requests in progress, and forget the fleet."""
        import ray

        self._stop.set()
        with self._lock:
            actors = [actor for node in self._kept.ports() if (actor := self._actor(node))]
            waiting = [actor.stop.remote() for actor in actors]
            ray.wait(waiting, num_returns=len(waiting), timeout=STOP_S) if waiting else None
            for actor in actors:
                ray.kill(actor, no_restart=True)
            self._kept.clear()

    def _run(self) -> None:
        try:
            while not self._stop.wait(LOOK_S if self._states else 0.05):
                with self._lock:
                    self._place()
                    self._look()
                self._looked.set()
        finally:
            end_unless(self._stop)

    def _place(self) -> None:
        """Start a server on each node that has none, and forget those of nodes that are gone."""
        import ray

        plan = self._kept.plan()
        if plan is None or self._stop.is_set():
            return
        living = {one.id: one for one in nodes(plan.cpus)}
        ports = self._kept.ports()
        for gone in ports.keys() - living.keys():
            del ports[gone]
            self._states.pop(gone, None)
            if actor := self._actor(gone):
                ray.kill(actor, no_restart=True)
        for node in living.values():
            if node.id not in ports:
                ports[node.id] = _free_port(node, living, ports, plan.port)
        self._kept.set_ports(ports)
        for node in living.values():
            self._start(node, ports[node.id], plan.cpus)

    def _start(self, node: Node, port: int, cpus: float) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if node.id in self._states and self._actor(node.id) is not None:
            return
        # SPREAD only prefers other nodes; a second server on one node would find its port in use.
        here = NodeAffinitySchedulingStrategy(node.id, soft=False)
        ray.remote(NodeServer).options(
            name=self._name(node.id),
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            max_restarts=-1,
            max_concurrency=8,
            num_cpus=cpus,
            scheduling_strategy=here,
        ).remote(self._fleet, node.id, node.address, port)
        address = f"http://{node.address}:{port}"
        self._states.setdefault(
            node.id, ServerState(node=node.id, address=address, status="starting")
        )

    def _look(self) -> None:
        """Ask every server how it is; one that serves another version is given the fleet's."""
        import ray

        plan = self._kept.plan()
        asked = {
            node: actor.health.remote() for node in self._states if (actor := self._actor(node))
        }
        if not asked or plan is None:
            return
        done, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=HEALTH_S)
        for node, reply in asked.items():
            self._states[node] = self._state(node, reply if reply in done else None)
            state = self._states[node]
            if state.status == "ready":
                for model, digest in plan.models.items():
                    if state.versions.get(model) != digest:
                        self._follow(node, model, digest, "the fleet's version")

    def _state(self, node: str, reply: Any) -> ServerState:
        import ray

        before = self._states[node]
        try:
            if reply is not None:
                found: ServerState = ray.get(reply)
                return found
            reason = "its actor doesn't respond: it starts, or its node has no core free"
        except ray.exceptions.RayError as error:
            reason = f"its actor can't be reached: {str(error).partition(chr(10))[0]}"
        status: Status = "starting" if before.status == "starting" else "lost"
        return ServerState(node=node, address=before.address, status=status, reason=reason)

    def _follow(self, node: str, model: str, digest: str, note: str) -> str:
        """Let a server follow; returns why it can't, or ""."""
        import ray

        actor = self._actor(node)
        if actor is None:
            return "its actor is gone"
        try:
            reason: str = ray.get(actor.follow.remote(model, digest, note), timeout=FOLLOW_S)
        except ray.exceptions.RayError as error:
            reason = f"its actor can't be reached: {str(error).partition(chr(10))[0]}"
        return reason

    def _go_back(self, servers: list[ServerState], model: str, plan: Plan, reason: str) -> Rolled:
        """Let servers have the plan's version again, of which the last couldn't leave it."""
        *changed, failed = servers
        self._kept.keep_only(set(plan.models.values()))
        note = f"{failed.address} couldn't follow"
        replies = {
            one.address: self._follow(one.node, model, plan.models[model], note) for one in servers
        }
        return Rolled(
            changed=tuple(one.address for one in changed),
            failed=failed.address,
            reason=reason,
            stuck={one.address: why for one in changed if (why := replies[one.address])},
        )

    def _actor(self, node: str) -> Any:
        """The actor of a node; None where there is none."""
        import ray

        try:
            return ray.get_actor(self._name(node), namespace=NAMESPACE)
        except ValueError:
            return None

    def _name(self, node: str) -> str:
        return f"{self._fleet}-server-{node}"

    def _plan(self) -> Plan:
        plan = self._kept.plan()
        assert plan is not None, "the fleet was stopped"
        return plan


def _free_port(node: Node, living: dict[str, Node], ports: dict[str, int], first: int) -> int:
    """The first port from `first` on that no other node of the same machine has."""
    taken = {port for other, port in ports.items() if living[other].address == node.address}
    return next(port for port in range(first, 65_536) if port not in taken)
