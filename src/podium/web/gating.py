"""The promotion gates of a model, as the site knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podium.access import PODIUM
from podium.comparison.checks import Counted
from podium.comparison.failures import failures_in, failures_of
from podium.comparison.promotion import check_promotion
from podium.deployments.registry import Registry
from podium.errors import StoreError
from podium.gates import Gates
from podium.web.site import Site


def gates_of(site: Site, model: str) -> Gates:
    """What is configured for a model."""
    return site.settings.gates.get(model, Gates())


def failures(site: Site, model: str) -> Mapping[str, Counted]:
    """The requests of each version and those that failed, as this server counts them; as others of
    the home folder do where this one has counted none.
    """
    try:
        own = failures_of(site.metrics.merged().counted.counters, model)
    except StoreError:
        own = {}
    is_any = any(one.n_requests for one in own.values())
    return own if is_any else failures_in(Path(site.settings.home), model)


def audit_itself(site: Site, event: str, details: Mapping[str, str]) -> None:
    """Write to the audit log what the server did by itself."""
    site.authority.audit(PODIUM, event, **details)


def permit(
    site: Site, registry: Registry, model: str, wanted: str, note: str, *, is_forced: bool
) -> dict[str, Any]:
    """What the gates say of a promotion, for the details of its event.

    Raises:
        PodiumError: as `check_promotion` has it.
    """
    return check_promotion(
        registry,
        site.store,
        model,
        wanted,
        gates_of(site, model),
        failures(site, model),
        note=note,
        is_forced=is_forced,
    )
