"""A model retrained on its records: a process with limits, then a version in the registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from podium.bundle import load
from podium.deployments.registry import Registry
from podium.deployments.rows import CHAMPION, Version
from podium.deployments.trial import end_group
from podium.errors import PodiumError, SetupError
from podium.outbox.lock import FileLock
from podium.retraining.orders import BUNDLE_NAME, REPORT_NAME, Order, Recipe, Report, Trained
from podium.settings import Settings

RETRAINED, FAILED = "retrained", "retrain_failed"
NOTE_MAX = 500
# So much of what a recipe prints is passed on; the rest is read and forgotten.
PRINTED_MAX = 2**20
_MEMORY_SHARE = 0.75
_LOOK_S = 0.1
_REPORT = msgspec.json.Decoder(Report)


class Retrained(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a retraining gave.

    Attributes:
        is_challenger: it may take the champion's place; else `reason` says why not.
    """

    model: str
    version: str
    digest: str
    trained: Trained
    is_challenger: bool
    reason: str
    seconds: float


def retrain(
    recipe: Recipe,
    settings: Settings,
    *,
    actor: str = "",
    note: str = "",
    on_output: Callable[[bytes], object] = lambda _: None,
    stop: threading.Event | None = None,
) -> Retrained:
    """Retrain a model, and register the result; it is never promoted.

    It becomes the challenger where it accepts all that the champion accepts, and no other version is
    being tried. Whatever came of it is an event in the registry, unless it was stopped.

    Args:
        actor: who asked for it.
        note: why.
        on_output: called with what the recipe prints.
        stop: set to end it before its time.

    Raises:
        SetupError: another one runs, or the recipe, the records or the data can't be used.
        PodiumError: the result can't be packed or registered.
    """
    home = Path(settings.home)
    registry, stop = Registry(settings.registry_folder, settings.trust), stop or threading.Event()
    champion = registry.find(recipe.model, CHAMPION)
    began_s = time.monotonic()
    with _exclusive_folder(home) as folder:
        try:
            order = Order(
                recipe=recipe,
                settings=settings,
                folder=str(folder),
                digest=champion.digest,
                memory_bytes=_memory_bytes(recipe),
            )
            trained = _run(order, on_output, stop)
            bundle = load(folder / BUNDLE_NAME, trust=settings.trust)
            full_note = _note(recipe, trained, note)
            version = registry.register(bundle, actor=actor, note=full_note)
            reason = _challenge(registry, version, actor, full_note)
        except PodiumError as error:
            if not stop.is_set():
                note = error.message[:NOTE_MAX]
                with suppress(PodiumError):  # a full disk is reported once
                    registry.log(recipe.model, FAILED, after="", actor=actor, note=note)
            raise
        registry.log(recipe.model, RETRAINED, after=version.digest, actor=actor, note=full_note)
    return Retrained(
        model=recipe.model,
        version=version.name,
        digest=version.digest,
        trained=trained,
        is_challenger=not reason,
        reason=reason,
        seconds=time.monotonic() - began_s,
    )


@contextmanager
def _exclusive_folder(home: Path) -> Iterator[Path]:
    """A new folder to work in, which is removed again; one retraining at a time uses a home.

    Raises:
        SetupError: another one runs.
    """
    place = home / "retraining"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(place / "lock")
    except BlockingIOError as error:
        raise SetupError("another retraining runs", hint="try again when it has ended") from error
    except OSError as error:
        raise SetupError(f"{place} can't be used: {error.strerror}") from error
    with lock:
        for left in place.glob("run-*"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=place))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _challenge(registry: Registry, version: Version, actor: str, note: str) -> str:
    """Make a version the challenger; why it isn't, where it can't be."""
    if registry.rollout(version.model) is not None:
        return "another version is being tried"
    try:
        registry.challenge(version.model, version.digest, actor=actor, note=note)
    except PodiumError as error:
        return error.message
    return ""


def _note(recipe: Recipe, trained: Trained, note: str) -> str:
    rows = f"on {trained.n_train:,} truths" + (
        f" and {trained.n_data:,} rows" if trained.n_data else ""
    )
    figure = f"; {trained.figures[0].sentence}" if trained.figures else ""
    full_note = f"by {Path(recipe.recipe).name} {rows}{figure} on the {trained.n_holdout:,} newest"
    return (f"{note}: {full_note}" if note else full_note)[:NOTE_MAX]


def _memory_bytes(recipe: Recipe) -> int:
    if recipe.memory_mb:
        return recipe.memory_mb * 2**20
    try:
        return int(_MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 2**62


def _run(order: Order, on_output: Callable[[bytes], object], stop: threading.Event) -> Trained:
    """What the process reports.

    Raises:
        SetupError: it reports an error, or was ended.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "podium.retraining.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # what it starts ends with it
        env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    reading = threading.Thread(target=_forward_output, args=(process, on_output), daemon=True)
    try:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(msgspec.json.encode(order))
        reading.start()
        why = _wait(process, order.recipe.timeout_s, stop)
    finally:
        end_group(process)
        reading.join(timeout=5)
        process.stdout.close()
    try:
        report = _REPORT.decode(Path(order.folder, REPORT_NAME).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise SetupError(why or _exit_reason(process.returncode, order)) from error
    if report.trained is None:
        raise SetupError(report.error, hint=report.hint)
    return report.trained


def _wait(process: subprocess.Popen[bytes], timeout_s: float, stop: threading.Event) -> str:
    """Until the process has ended; why it has to be ended, if it has."""
    until_s = time.monotonic() + timeout_s
    while process.poll() is None:
        if time.monotonic() > until_s:
            return f"the recipe took longer than {timeout_s:g} s"
        if stop.wait(_LOOK_S):
            return "the retraining was stopped"
    return ""


def _forward_output(process: subprocess.Popen[bytes], on_output: Callable[[bytes], object]) -> None:
    """Read whatever is printed, so that nobody waits, and pass the first part of it on."""
    assert process.stdout is not None
    n_left, file = PRINTED_MAX, process.stdout.fileno()
    with suppress(OSError):
        while piece := os.read(file, 2**16):
            if n_left > 0:
                on_output(piece[:n_left])
            n_left -= len(piece)


def _exit_reason(code: int, order: Order) -> str:
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return f"{order.recipe.recipe} ended its process {how}"
