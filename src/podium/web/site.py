"""What views may use: the deployments, the store and the settings of one app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from podium.access import Actor, may_anything
from podium.errors import NotFound
from podium.flow.deployment import Deployment
from podium.monitor.metrics import Metrics
from podium.records.store import Store
from podium.settings import Settings
from podium.web.authority import Authority, OpenAuthority
from podium.web.http import Request
from podium.web.kept_pages import KeptPages
from podium.web.quota import Quota


@dataclass(frozen=True)
class PageParts:
    """A page of ours without what stands around it, as HTML.

    Attributes:
        title: plain text, not escaped yet.
        head: links to our styles and script.
        main: the content.
    """

    title: str
    head: str
    main: str


Frame: TypeAlias = Callable[[Request, PageParts], str]


@dataclass(frozen=True)
class Site:
    """Everything that a view reads.

    Attributes:
        deployments: by name, in the order they were given.
        store: where records are, or None when none are kept.
        is_ready: whether every model is loaded.
        metrics: what is counted here, and told at `/metrics`.
        authority: who knows who asks.
        quota: counts how often they do; None where they may as often as they like.
        kept_pages: those that need not be made again.
        frame: makes the whole page of the host's own around the parts of one of ours; None: ours.
    """

    deployments: Mapping[str, Deployment]
    store: Store | None
    settings: Settings
    is_ready: Callable[[], bool]
    metrics: Metrics = field(default_factory=Metrics)
    authority: Authority = field(default_factory=OpenAuthority)
    quota: Quota | None = None
    frame: Frame | None = None
    kept_pages: KeptPages = field(default_factory=KeptPages)

    def deployment(self, name: str, actor: Actor) -> Deployment:
        """The deployment of this name.

        Raises:
            NotFound: there is none; the hint names those that the actor may see.
        """
        try:
            return self.deployments[name]
        except KeyError:
            known = ", ".join(self.visible(actor)) or "none"
            raise NotFound(f"no model is called {name!r}", hint=f"known: {known}") from None

    def visible(self, actor: Actor) -> dict[str, Deployment]:
        """The deployments that are there for an actor, by name."""
        return {
            name: deployment
            for name, deployment in self.deployments.items()
            if may_anything(actor, name)
        }
