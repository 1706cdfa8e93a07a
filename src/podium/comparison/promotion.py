"""Whether a version may be promoted: the gates are asked, and whoever goes on all the same says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from podium.comparison.checks import Counted
from podium.comparison.compare import compare
from podium.comparison.report import Gate
from podium.deployments.registry import Registry
from podium.deployments.rows import CHALLENGER, CHAMPION, PREVIOUS
from podium.errors import InputError, PromotionRefused, SetupError
from podium.gates import Gates
from podium.records.store import Store


def is_gated(registry: Registry, model: str, wanted: str, gates: Gates) -> bool:
    """Whether the gates are asked before a version is promoted.

    They are for the challenger, and for every version where `gates` requires it. The way back to the
    previous version is always open.

    Raises:
        NotFound: there is no such version.
        RegistryError: the registry can't be read.
    """
    digest, aliases = registry.find(model, wanted).digest, registry.aliases(model)
    if CHAMPION not in aliases or digest == aliases[CHAMPION]:
        return False
    if digest == aliases.get(CHALLENGER):
        return True
    return gates.required and digest != aliases.get(PREVIOUS)


def check_promotion(
    registry: Registry,
    store: Store | None,
    model: str,
    wanted: str,
    gates: Gates,
    failures: Mapping[str, Counted],
    *,
    note: str = "",
    is_forced: bool = False,
) -> dict[str, Any]:
    """What the gates say of a promotion, for the details of its event; empty where none is asked.

    A gate that fails refuses the promotion. One that doesn't know refuses it where all are required:
    somebody who collects no truth can still promote.

    Args:
        store: where the records are; None where none are kept.
        is_forced: promote all the same, for the reason in `note`.

    Raises:
        PromotionRefused: gates refuse it, and it isn't forced.
        InputError: it is forced without a note.
        PodiumError: the registry or the records can't be read.
    """
    if is_forced and not note.strip():
        raise InputError(
            "a promotion against the gates needs a note", hint="say why in the note, for the log"
        )
    if not is_gated(registry, model, wanted, gates):
        return {}
    found = _gates(registry, store, model, wanted, gates, failures)
    refusing = ("fail", "unknown") if gates.required else ("fail",)
    reasons = [one.sentence for one in found if one.status in refusing]
    if reasons and not is_forced:
        count = "1 gate refuses" if len(reasons) == 1 else f"{len(reasons)} gates refuse"
        raise PromotionRefused(
            f"{model} {registry.find(model, wanted).name} isn't promoted, as {count} it: "
            + " ".join(reasons),
            hint="promote it all the same by force, and say why in the note",
        )
    return {"gates": msgspec.to_builtins(found), "forced": bool(reasons)}


def _gates(
    registry: Registry,
    store: Store | None,
    model: str,
    wanted: str,
    gates: Gates,
    failures: Mapping[str, Counted],
) -> tuple[Gate, ...]:
    if store is None:
        sentence = "No records are kept, so that nothing is known of it."
        return (Gate(name="truths", status="unknown", sentence=sentence),)
    try:
        return compare(
            registry, store, model, CHAMPION, wanted, gates=gates, failures=failures
        ).gates
    except SetupError as error:  # there is no right or wrong
        return (Gate(name="difference", status="unknown", sentence=f"{error.message}."),)
