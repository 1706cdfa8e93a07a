"""Retrainings that the server begins by itself: after some time, or with some new truths.

One process of all that use a registry looks at a time: the one that holds the lock. What decides is
in the registry: a retraining that failed counts as one, so that it isn't tried again and again.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from podium.deployments.registry import Registry
from podium.deployments.rows import CHAMPION
from podium.errors import NotFound, PodiumError, SetupError
from podium.outbox.deletion import Audit, no_audit
from podium.outbox.lock import FileLock
from podium.recipes import Retraining
from podium.records.period import duration_s
from podium.records.store import RecordQuery, Store, iter_pages
from podium.retraining.orders import Recipe
from podium.retraining.retrain import FAILED, RETRAINED, Retrained, retrain
from podium.settings import Settings

ACTOR = "podium"
LOOK_S, FIRST_S = 30.0, 2.0
# To count truths takes seconds where there are many records: this share of the time at most.
_IDLE_TIMES = 20
_EVENTS_READ = 10_000
_CLOSED_S = 8.0
_LOCK = "retraining.lock"
_NICENESS = 10
_TAIL_BYTES = 2_000
_log = logging.getLogger("podium")


def check_recipes(settings: Settings) -> None:
    """Refuse a recipe or data whose file isn't there: it would be told at the first retraining only.

    Raises:
        SetupError: there is one.
    """
    for name, one in settings.retrain.items():
        place, _, function = one.recipe.rpartition(":")
        if not place or not function.isidentifier():
            raise SetupError(
                f"[retrain.{name}]: {one.recipe!r} names no recipe", hint="write file.py:function"
            )
        for file in (place if place.endswith(".py") else "", one.data):
            if file and not Path(file).is_file():
                raise SetupError(
                    f"[retrain.{name}]: {file} doesn't exist", hint=f"looked in {Path.cwd()}"
                )


class Schedule:
    """Retrains models when it is time, one after the other, in a thread of its own.

    Args:
        store: where truths are counted.
        audit: writes to the audit log what was registered.
        look_s: the time between two looks, at least.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        audit: Audit = no_audit,
        look_s: float = LOOK_S,
    ) -> None:
        self._audit = audit
        self._settings = settings
        self._registry = Registry(settings.registry_folder, settings.trust)
        self._store = store
        self._look_s = look_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="podium-retrain", daemon=True)

    def start(self) -> None:
        """Begin to look, if any model is to be retrained."""
        if self._settings.retrain and not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Stop, and end a retraining that has begun."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSED_S)

    def look(self) -> float:
        """Retrain the models whose time has come; a failure is logged.

        Returns how many seconds it took to decide.
        """
        seconds = 0.0
        for model, retraining in self._settings.retrain.items():
            if self._stop.is_set():
                break
            began_s, why = time.monotonic(), ""
            try:
                why = self._due(model, retraining)
            except PodiumError as error:
                _log.error("model_not_retrained: %s: %s", model, error, extra={"model": model})
            seconds += time.monotonic() - began_s
            if why:
                self._retrain(model, retraining, why)
        return seconds

    def _run(self) -> None:
        wait_s = min(self._look_s, FIRST_S)
        while not self._stop.wait(wait_s):
            wait_s = self._look_s
            try:
                with FileLock(self._registry.folder / _LOCK):
                    wait_s = max(self._look_s, _IDLE_TIMES * self.look())
            except BlockingIOError:
                pass  # another process looks
            except OSError as error:
                _log.error("model_not_retrained: %s", error)

    def _due(self, model: str, retraining: Retraining) -> str:
        """Why a model is to be retrained now; "" where it isn't.

        Raises:
            PodiumError: the registry or the store fails.
        """
        events = self._registry.events(model, _EVENTS_READ)
        last_us = [one.time_us for one in events if one.action in (RETRAINED, FAILED)]
        try:
            champion = self._registry.find(model, CHAMPION)
        except NotFound:
            return ""  # it isn't served yet
        since_us = last_us[0] if last_us else champion.time_us
        passed_us = time.time_ns() // 1_000 - since_us
        if retraining.every and passed_us >= duration_s(retraining.every) * 1_000_000:
            return f"every {retraining.every}"
        if retraining.truths and self._has_truths(model, retraining.truths, since_us):
            return f"{retraining.truths:,} new truths"
        return ""

    def _has_truths(self, model: str, n_wanted: int, since_us: int) -> bool:
        """Whether so many truths came since a moment; they usually are of the newest records."""
        n_found = 0
        for records in iter_pages(self._store, RecordQuery(model=model, has_feedback=True)):
            for one in records:
                n_found += one.feedback is not None and one.feedback.time_us > since_us
            if n_found >= n_wanted:
                return True
            if self._stop.is_set():
                return False
        return False

    def _retrain(self, model: str, retraining: Retraining, why: str) -> None:
        recipe = Recipe(
            model=model,
            recipe=retraining.recipe,
            data=retraining.data,
            holdout=retraining.holdout,
            since=retraining.since,
            timeout_s=retraining.timeout_s,
            memory_mb=retraining.memory_mb,
            niceness=_NICENESS,
        )
        printed = bytearray()

        def on_output(piece: bytes) -> None:
            printed.extend(piece)
            del printed[:-_TAIL_BYTES]

        extra = {"model": model, "reason": why}
        _log.info("retraining_began", extra=extra)
        try:
            done = retrain(
                recipe, self._settings, actor=ACTOR, note=why, on_output=on_output, stop=self._stop
            )
        except PodiumError as error:
            tail = printed.decode("utf-8", "replace").strip()
            printed_text = f"\nthe recipe printed:\n{tail}" if tail else ""
            _log.error("model_not_retrained: %s: %s%s", model, error, printed_text, extra=extra)
        else:
            _log.info("model_retrained", extra={**extra, "version": done.version})
            self._write(done, why)

    def _write(self, done: Retrained, why: str) -> None:
        details = {"model": done.model, "version": done.version, "digest": done.digest}
        try:
            self._audit("version_registered", details | {"automatic": "yes", "note": why})
        except PodiumError as error:  # the version is registered all the same
            _log.error("not_audited: %s: %s", done.model, error, extra={"model": done.model})
