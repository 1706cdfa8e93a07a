"""A deployment: a name, the versions of a model that answer under it, and how they are replaced."""

from __future__ import annotations

import logging

from podium.deployments.traffic import Traffic
from podium.errors import SetupError
from podium.flow.version import LoadedVersion

_log = logging.getLogger("podium")


class Deployment:
    """A name under which versions of a model answer.

    Which ones is a single attribute: a request that has chosen a version keeps it to its end, and the
    next request chooses anew. Nobody outside may hold on to a version, or to a part of one, for
    longer than a request.

    Attributes:
        traffic: which versions answer whom; only `publish` replaces it.
    """

    def __init__(self, version: LoadedVersion) -> None:
        self.name = version.name
        self.traffic = Traffic(version)

    def choose(self) -> LoadedVersion:
        """The champion: what pages show of a model, and what answers unless a challenger does."""
        return self.traffic.champion

    def publish(self, traffic: Traffic) -> Traffic:
        """Let other versions answer from now on; returns what did before.

        Those before end what they have begun, and go when nothing holds them any more.

        Raises:
            SetupError: one is the version of another model, or isn't loaded.
        """
        for version in traffic.answering:
            if version.name != self.name:
                raise SetupError(
                    f"a version of {version.name!r} can't be deployed as {self.name!r}",
                    hint=f"pack it with name={self.name!r}",
                )
            if not version.is_loaded:
                raise SetupError(
                    f"{self.name} {version.version} isn't loaded", hint="call load() first"
                )
        before, self.traffic = self.traffic, traffic
        champion = traffic.champion
        if champion is not before.champion:
            _log.info(
                "version_swapped",
                extra={
                    "model": self.name,
                    "version": champion.version,
                    "before": before.champion.version,
                },
            )
        if (traffic.rollout, traffic.share) != (before.rollout, before.share):
            challenger = traffic.challenger
            _log.info(
                "traffic_changed",
                extra={
                    "model": self.name,
                    "challenger": "" if challenger is None else challenger.version,
                    "mode": traffic.mode,
                    "share": traffic.share,
                },
            )
        return before
