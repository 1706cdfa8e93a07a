"""What views may use: the deployments, the store and the settings of one app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from podium.errors import NotFound
from podium.flow.deployment import Deployment
from podium.monitor.metrics import Metrics
from podium.records.store import Store
from podium.settings import Settings


@dataclass(frozen=True)
class Site:
    """Everything that a view reads.

    Attributes:
        deployments: by name, in the order they were given.
        store: where records are, or None when none are kept.
        is_ready: whether every model is loaded.
        metrics: what is counted here, and told at `/metrics`.
    """

    deployments: Mapping[str, Deployment]
    store: Store | None
    settings: Settings
    is_ready: Callable[[], bool]
    metrics: Metrics = field(default_factory=Metrics)

    def deployment(self, name: str) -> Deployment:
        """The deployment of this name.

        Raises:
            NotFound: there is none; the hint names those there are.
        """
        try:
            return self.deployments[name]
        except KeyError:
            known = ", ".join(self.deployments) or "none"
            raise NotFound(f"no model is called {name!r}", hint=f"known: {known}") from None
