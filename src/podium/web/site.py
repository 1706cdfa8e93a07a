"""What views may use: the deployments, the store and the settings of one app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import TypeAlias

from podium.access import Action, Actor, allowed, may_anything
from podium.deployments.deployment import Deployment
from podium.deployments.traffic import Traffic
from podium.deployments.upload import Uploads
from podium.deployments.versions import Versions
from podium.errors import ModelNotLoaded, NotFound, PodiumError
from podium.flow.predict import PredictionService
from podium.flow.version import LoadedVersion
from podium.http import Request
from podium.jobs.jobs import Jobs
from podium.metrics.metrics import Metrics
from podium.metrics.timeline import Timeline
from podium.monitoring.alerts_file import AlertsFile
from podium.monitoring.monitoring import Monitoring
from podium.outbox.deletion import Deletion
from podium.policy.authority import Authority, OpenAuthority
from podium.policy.bulk import may_send_bulk
from podium.policy.quota import Quota
from podium.records.store import Store
from podium.settings import Settings
from podium.web.explaining import Explanations
from podium.web.lookups import Lookups
from podium.web.page_cache import PageCache
from podium.web.router import Router
from podium.web.saved_links import SavedLinks
from podium.web.truth_rules import TruthRules


@dataclass(frozen=True)
class PageParts:
    """One of our pages without its surroundings, as HTML.

    Attributes:
        title: plain text, not yet escaped.
        head: links to our styles and scripts.
        main: the content.
    """

    title: str
    head: str
    main: str


Frame: TypeAlias = Callable[[Request, PageParts], str]


@dataclass(frozen=True)
class Site:
    """Everything that views use.

    Attributes:
        deployments: by name, in the order they were given.
        service: makes predictions.
        store: the store of records, or None if nothing is recorded.
        is_ready: whether every model is loaded, or has failed to.
        failures: why models can't be loaded, by name; those that were opened are deployments, too.
        metrics: of this app, served at `/metrics`.
        authority: authenticates requests.
        quota: limits the number of requests; None: no limit.
        page_cache: rendered pages.
        deletion: deletes records; None if nothing is recorded.
        versions: promotes versions of the models; None if they are fixed.
        truth_rules: which version's outputs truth is checked against.
        router: the routes of the app.
        uploads: the bundles that are uploaded to this process; None if versions are fixed.
        jobs: files that are scored; None: none are.
        lookups: of records that were just stored.
        explanations: explains answers; None: it can't.
        is_local: whether only programs on this machine can reach it.
        monitoring: counts what the models answer; None: nothing does.
        alerts: what was alarming in it; None: nothing looks.
        has_streams: whether the host has WebSockets.
        live: the last minutes of each model.
        stopping: set once the server was asked to stop; it may answer for a while yet.
        saved_links: of people to lists of records; None: they can't save any.
        frame: creates the host's whole page around the parts of one of ours; None: our own.
    """

    deployments: Mapping[str, Deployment]
    service: PredictionService
    store: Store | None
    settings: Settings
    is_ready: Callable[[], bool]
    metrics: Metrics = field(default_factory=Metrics)
    authority: Authority = field(default_factory=OpenAuthority)
    quota: Quota | None = None
    frame: Frame | None = None
    deletion: Deletion | None = None
    failures: Mapping[str, Exception] = field(default_factory=dict)
    versions: Versions | None = None
    page_cache: PageCache = field(default_factory=PageCache)
    truth_rules: TruthRules = field(default_factory=TruthRules)
    router: Router = field(default_factory=lambda: Router(()))
    is_local: bool = False
    explanations: Explanations | None = None
    lookups: Lookups = field(default_factory=Lookups)
    uploads: Uploads | None = None
    jobs: Jobs | None = None
    monitoring: Monitoring | None = None
    alerts: AlertsFile | None = None
    has_streams: bool = False
    saved_links: SavedLinks | None = None
    stopping: Event = field(default_factory=Event)
    live: Timeline = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "live", Timeline(self.metrics))

    @property
    def takes_tokens(self) -> bool:
        """Whether callers may authenticate with a token."""
        return getattr(self.authority, "takes_tokens", False)

    def traffic(self, name: str, actor: Actor, version: str = "") -> Traffic:
        """The versions of this model that answer, for the whole of a request.

        Args:
            version: the only one that may, by its name.

        Raises:
            ModelNotLoaded: it can't be loaded; the reason is for whoever monitors the server.
            NotFound: there is none; the hint names those that the actor may see.
        """
        failure = self.failure(name, actor)
        if failure is not None:
            raise failure
        if name not in self.deployments:
            known = ", ".join(self.visible(actor)) or "none"
            raise NotFound(f"no model is called {name!r}", hint=f"known: {known}")
        traffic = self.deployments[name].traffic
        if not version:
            return traffic
        pinned = traffic.pinned(version)
        if pinned is None:
            loaded = ", ".join(traffic.loaded)
            raise NotFound(
                f"no loaded version of {name!r} is called {version!r}", hint=f"loaded: {loaded}"
            )
        return pinned

    def require_model(self, name: str, actor: Actor) -> None:
        """Refuse a request for a model that isn't served.

        Raises:
            PodiumError: as `traffic`.
        """
        self.traffic(name, actor)

    def champion(self, name: str, actor: Actor) -> LoadedVersion:
        """The champion of this model, for the whole of a request.

        Raises:
            PodiumError: as `traffic`.
        """
        return self.traffic(name, actor).champion

    def may_send_bulk(self, actor: Actor) -> bool:
        """Whether an actor may send bulk requests to the API."""
        return may_send_bulk(actor, self.authority, is_local=self.is_local)

    def may_score_files(self, actor: Actor) -> bool:
        """Whether an actor, who may request predictions, may send files to be scored.

        Where nobody is told from anybody, whoever reaches the server may.
        """
        return actor.is_known or isinstance(self.authority, OpenAuthority)

    def rows_max(self, actor: Actor) -> int:
        """The most rows in one of their requests to the API."""
        settings = self.settings
        return settings.bulk_rows_max if self.may_send_bulk(actor) else settings.rows_max

    def body_max_bytes(self, actor: Actor) -> int:
        """The longest body of one of their requests to the API."""
        settings = self.settings
        return (
            settings.bulk_body_max_bytes if self.may_send_bulk(actor) else settings.body_max_bytes
        )

    def find(self, name: str) -> LoadedVersion | None:
        """The version that is served under this name, if there is one."""
        deployment = self.deployments.get(name)
        return None if deployment is None else deployment.choose()

    def visible(self, actor: Actor) -> dict[str, LoadedVersion]:
        """The loaded models that an actor may see, by name."""
        return {
            name: deployment.choose()
            for name, deployment in self.deployments.items()
            if name not in self.failures and may_anything(actor, name)
        }

    def monitored(self, actor: Actor) -> dict[str, LoadedVersion]:
        """The loaded models whose monitoring an actor may see, by name."""
        visible = self.visible(actor)
        return {name: one for name, one in visible.items() if allowed(actor, Action.SEE, name)}

    def failed(self, actor: Actor) -> list[str]:
        """The models that an actor may see and that can't be loaded."""
        return [name for name in self.failures if may_anything(actor, name)]

    def failure(self, name: str, actor: Actor) -> ModelNotLoaded | None:
        """Why a model can't be loaded, if the actor may see it; with details where permitted."""
        if name not in self.failures or not may_anything(actor, name):
            return None
        failure, text = self.failures[name], f"the model {name!r} can't be loaded"
        if not allowed(actor, Action.METRICS):
            return ModelNotLoaded(text, hint="the log of this server says why")
        if isinstance(failure, PodiumError):
            return ModelNotLoaded(f"{text}: {failure.message}", hint=failure.hint)
        return ModelNotLoaded(f"{text}: {type(failure).__name__}: {failure}")
