"""What the registry of a home folder says: versions, aliases, traffic and the log of changes."""

from __future__ import annotations

from pathlib import Path

from podium.bundle import Bundle
from podium.deployments import fixed, rows
from podium.deployments.registry_file import RegistryFile
from podium.deployments.rows import Event, Live, Rollout, Version
from podium.deployments.version_files import VersionFiles


class Catalog:
    """Reads the registry of a home folder; nothing is made or changed.

    Args:
        folder: the home folder, or that of the setting `registry`.
        trust: digests of pickles that may be loaded.

    Attributes:
        folder: where it is.
        files: the bundles.
    """

    def __init__(self, folder: str | Path, trust: tuple[str, ...] = ()) -> None:
        self.folder = Path(folder)
        self._file = RegistryFile(self.folder / "registry.db")
        self.files = VersionFiles(self.folder / "versions", trust)

    @property
    def change(self) -> object:
        """A value that is another one after every change; None where no registry can be read."""
        return self._file.change

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def models(self) -> list[str]:
        """The models that have versions."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT DISTINCT model FROM version ORDER BY model")
            return [model for (model,) in rows]

    def versions(self, model: str) -> list[Version]:
        """The versions of a model, newest first."""
        with self._file.reading() as connection:
            sql = "SELECT * FROM version WHERE model = ? ORDER BY time_us DESC, digest"
            return [Version(*row) for row in connection.execute(sql, (model,))]

    def aliases(self, model: str) -> dict[str, str]:
        """The digests of a model's versions by alias."""
        with self._file.reading() as connection:
            return rows.aliases(connection, model)

    def events(self, model: str, limit: int = 100) -> list[Event]:
        """What happened to a model's versions, newest first."""
        with self._file.reading() as connection:
            sql = "SELECT * FROM event WHERE model = ? ORDER BY number DESC LIMIT ?"
            return [Event(*row) for row in connection.execute(sql, (model, limit))]

    def find(self, model: str, wanted: str) -> Version:
        """A version by its alias, its name, or the beginning of its digest.

        Raises:
            NotFound: there is none, or there are several.
        """
        with self._file.reading() as connection:
            return rows.find(connection, model, wanted)

    def bundle(self, version: Version) -> Bundle:
        """The bundle of a version, verified.

        Raises:
            RegistryError: it isn't there, or isn't what was registered.
        """
        return self.files.bundle(version)

    def check(self, bundle: Bundle) -> None:
        """Return if a bundle can be loaded and answers; tried once, in a process of its own.

        Raises:
            UnusableVersion: it can't, or doesn't.
        """
        self.files.check(bundle)

    def promoted(self, model: str) -> Version | None:
        """The champion, where somebody promoted it or rolled back to it; None where a file did."""
        with self._file.reading() as connection:
            return rows.promoted(connection, model)

    def rollout(self, model: str) -> Rollout | None:
        """How the challenger is tried; None where it isn't, or where there is none."""
        with self._file.reading() as connection:
            return rows.rollout(connection, model)

    def live(self, model: str) -> Live:
        """What a server has to serve of a model."""
        with self._file.reading() as connection:
            return rows.live(connection, model)

    def is_fixed(self, model: str) -> bool:
        """Whether the aliases of a model are set in the settings of a server."""
        with self._file.reading() as connection:
            return fixed.is_fixed(connection, model)

    def _champion(self, model: str) -> Version | None:
        with self._file.reading() as connection:
            digest = rows.aliases(connection, model).get(rows.CHAMPION, "")
            return rows.by_digest(connection, model).get(digest)
