"""A deployment: a name, the version of a model that answers under it, and how it is replaced."""

from __future__ import annotations

import logging

from podium.errors import SetupError
from podium.flow.version import LoadedVersion

_log = logging.getLogger("podium")


class Deployment:
    """A name under which one version of a model answers at a time.

    Which one is a single attribute: a request that has chosen a version keeps it to its end, and the
    next request chooses the new one. Nobody outside may hold on to a version, or to a part of one,
    for longer than a request.
    """

    def __init__(self, version: LoadedVersion) -> None:
        self.name = version.name
        self._live = version

    def choose(self) -> LoadedVersion:
        """The version that answers a request which comes now."""
        return self._live

    def swap(self, version: LoadedVersion) -> LoadedVersion:
        """Let another version answer from now on; returns the one that did before.

        The one before ends what it has begun, and goes when nothing holds it any more.

        Raises:
            SetupError: it is the version of another model, or isn't loaded.
        """
        if version.name != self.name:
            raise SetupError(
                f"a version of {version.name!r} can't be deployed as {self.name!r}",
                hint=f"pack it with name={self.name!r}",
            )
        if not version.is_loaded:
            raise SetupError(
                f"{self.name} {version.version} isn't loaded", hint="call load() first"
            )
        before, self._live = self._live, version
        _log.info(
            "version_swapped",
            extra={"model": self.name, "version": version.version, "before": before.version},
        )
        return before
