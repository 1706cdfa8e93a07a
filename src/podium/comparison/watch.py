"""Promotions and rollbacks that happen by themselves, where the settings want them.

One process of all that use a registry looks at a time: the one that holds the lock. A version that
was rolled back, by whomever, isn't promoted by itself again; and what a rollback made the champion isn't
rolled back by itself. So nothing swings to and fro.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from podium.comparison.checks import Counted
from podium.comparison.compare import compare
from podium.comparison.estimates import confidence_sequence, proportions
from podium.comparison.report import Comparison, Improvement, change, span
from podium.deployments.registry import Registry
from podium.deployments.rows import CHALLENGER, CHAMPION, PREVIOUS, Event, Version
from podium.errors import PodiumError, VersionChanged
from podium.gates import Gates
from podium.outbox.deletion import Audit, no_audit
from podium.outbox.lock import FileLock
from podium.records.store import Store

ACTOR = "podium"
LOOK_S = 60.0
# A look takes seconds where there are many records: this share of the time at most.
_IDLE_TIMES = 20
_EVENTS_READ = 10_000
_CLOSED_S = 5.0
_LOCK = "comparison.lock"
# By how much the share of failed requests must have risen, beyond doubt, for a rollback.
FAILURES_MARGIN = 0.01
_log = logging.getLogger("podium")

Failures = Callable[[str], Mapping[str, Counted]]


class Watch:
    """Looks at the versions of some models now and then, in a thread of its own.

    Args:
        failures: requests and failed ones of a model, by the name of the version.
        audit: writes to the audit log what was changed.
        look_s: the time between two looks, at least.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        gates: Mapping[str, Gates],
        failures: Failures,
        *,
        audit: Audit = no_audit,
        look_s: float = LOOK_S,
    ) -> None:
        self._audit = audit
        self._registry = registry
        self._store = store
        self._gates = {name: one for name, one in gates.items() if one.is_automatic}
        self._failures = failures
        self._lock_path = registry.folder / _LOCK
        self._look_s = look_s
        # For each model the event that made its champion, and what was counted when it was seen.
        self._counted: dict[str, tuple[int, Mapping[str, Counted]]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="podium-gates", daemon=True)

    def start(self) -> None:
        """Begin to look, if anything is automatic."""
        if self._gates and not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Stop looking; waits some seconds for a look that has begun."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSED_S)

    def look(self) -> None:
        """Promote or roll back what is decided."""
        for model, gates in self._gates.items():
            try:
                self._look(model, gates)
            except VersionChanged:
                pass  # somebody else was faster: they know why
            except PodiumError as error:
                _log.error("versions_not_compared: %s: %s", model, error, extra={"model": model})

    def _run(self) -> None:
        wait_s = self._look_s
        while not self._stop.wait(wait_s):
            began_s = time.monotonic()
            try:
                with FileLock(self._lock_path):
                    self.look()
            except BlockingIOError:
                pass  # another process looks
            except OSError as error:
                _log.error("versions_not_compared: %s", error)
            wait_s = max(self._look_s, _IDLE_TIMES * (time.monotonic() - began_s))

    def _look(self, model: str, gates: Gates) -> None:
        aliases, events = (
            self._registry.aliases(model),
            self._registry.events(model, _EVENTS_READ),
        )
        if CHAMPION not in aliases or self._registry.is_fixed(model):
            return
        last = _promotion(events, aliases)
        if gates.rollback == "auto" and last is not None and self._rolled_back(model, gates, last):
            return
        challenger = aliases.get(CHALLENGER)
        was_rolled_back = any(
            one.action == "rolled_back" and one.before == challenger for one in events
        )
        if gates.promote == "auto" and challenger and not was_rolled_back:
            self._promote(model, gates, aliases[CHAMPION], challenger)

    def _promote(self, model: str, gates: Gates, champion: str, challenger: str) -> None:
        """Promote the challenger, if every gate lets it pass and it is better beyond doubt."""
        found = self._compare(model, champion, challenger, gates)
        is_better = found.improvement is not None and found.improvement.decided == "b"
        if not is_better or found.refusals:
            return
        assert found.improvement is not None
        note = f"every gate passed: {_figures(found.improvement)}"
        version = self._registry.promote(
            model,
            challenger,
            actor=ACTOR,
            note=note,
            expected=champion,
            details={"automatic": True} | _details(found),
        )
        self._tell("version_promoted", version, note)

    def _rolled_back(self, model: str, gates: Gates, last: Event) -> bool:
        """Roll back, if the champion is worse than the version before beyond doubt."""
        note, details = self._more_failures(model, gates, last)
        if not note:
            found = self._compare(model, last.before, last.after, gates, since_us=last.time_us)
            if found.improvement is None or found.improvement.decided != "a":
                return False
            note = f"worse since it was promoted: {_figures(found.improvement)}"
            details = _details(found)
        details |= {"automatic": True}
        version = self._registry.rollback(
            model, actor=ACTOR, note=note, expected=last.after, details=details
        )
        self._tell("version_rolled_back", version, note)
        return True

    def _tell(self, event: str, version: Version, note: str) -> None:
        """Write to the log and to the audit log what happened by itself."""
        model = version.model
        _log.warning("%s: %s: %s", event, model, note, extra={"model": model})
        details = {"model": model, "version": version.name, "digest": version.digest}
        self._audit(event, details | {"automatic": "yes", "note": note})

    def _more_failures(self, model: str, gates: Gates, last: Event) -> tuple[str, dict[str, Any]]:
        """Why the requests that failed since a promotion are too many, and the figures; or ""."""
        now = self._failures(model)
        if self._counted.get(model, (0, {}))[0] != last.number:
            self._counted[model] = last.number, dict(now)
        before = self._counted[model][1]
        names = [self._registry.find(model, one).name for one in (last.before, last.after)]
        old, new = now.get(names[0], Counted(0, 0)), now.get(names[1], Counted(0, 0))
        earlier = before.get(names[1], Counted(0, 0))
        since = Counted(new.n_requests - earlier.n_requests, new.n_failed - earlier.n_failed)
        if since.n_requests < gates.truths_min:
            return "", {}
        # Of a version that this server has not served nothing is counted: it did not fail.
        old = old if old.n_requests else Counted(since.n_requests, 0)
        if confidence_sequence(proportions(old, since)).low <= FAILURES_MARGIN:
            return "", {}
        shares = [one.n_failed / one.n_requests for one in (old, since)]
        note = (
            f"{since.n_failed:,} of {since.n_requests:,} requests failed since it was promoted: "
            f"{shares[1]:.1%} instead of {shares[0]:.1%}"
        )
        return note, {"failures": {"before": list(old), "since": list(since)}}

    def _compare(
        self, model: str, a: str, b: str, gates: Gates, since_us: int | None = None
    ) -> Comparison:
        return compare(
            self._registry,
            self._store,
            model,
            a,
            b,
            gates=gates,
            failures=self._failures(model),
            since_us=since_us,
        )


def _promotion(events: list[Event], aliases: Mapping[str, str]) -> Event | None:
    """The promotion that made the champion; None where something else did, or there is no way back."""
    actions = ("promoted", "rolled_back", "deployed")
    last = next((one for one in events if one.action in actions), None)
    if last is None or last.action != "promoted" or last.after != aliases[CHAMPION]:
        return None
    return last if last.before and last.before == aliases.get(PREVIOUS) else None


def _figures(found: Improvement) -> str:
    interval = span(found.measure, found.always_low, found.always_high)
    return f"{found.title} {change(found.measure, found.value)} {interval}"


def _details(found: Comparison) -> dict[str, Any]:
    names = ("kind", "improvement", "gates")
    values = msgspec.to_builtins(found)
    truths = {"n_truths": {"a": found.a.n_truths, "b": found.b.n_truths}}
    return {name: values[name] for name in names} | truths
