"""Promotion gates, as `podium promote` asks them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from podium.cli.terminal import harmless
from podium.comparison.failures import failures_in
from podium.comparison.promotion import check_promotion, is_gated
from podium.deployments.registry import Registry
from podium.gates import Gates
from podium.records.store import Store
from podium.settings import Settings


def permitted(
    settings: Settings, registry: Registry, model: str, wanted: str, note: str, *, is_forced: bool
) -> dict[str, Any]:
    """What the gates say of a promotion, for the details of its event; what didn't pass is printed.

    Raises:
        PromotionRefused: gates refuse it, and it isn't forced.
        PodiumError: as `check_promotion` has it.
    """
    gates, home = settings.gates.get(model, Gates()), Path(settings.home)
    with ExitStack() as opened:
        store: Store | None = None
        if settings.records and is_gated(registry, model, wanted, gates):
            from podium.evaluation.records import open_records  # half the start of the command

            store = opened.enter_context(open_records(settings))
        details = check_promotion(
            registry,
            store,
            model,
            wanted,
            gates,
            failures_in(home, model),
            note=note,
            is_forced=is_forced,
        )
    for gate in details.get("gates", ()):
        if gate["status"] != "pass":
            click.echo(f"gate {gate['name']}, {gate['status']}: {harmless(gate['sentence'])}")
    return details
