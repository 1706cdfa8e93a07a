"""Versions of models in the home folder, and which of them answers.

Bundles are copied to `versions/DIGEST.podium` and never changed. `registry.db` holds what there is,
under which alias, and an event for every change: who, when, from, to, why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import apsw

from podium.bundle import Bundle, load
from podium.bundle.archive import copy_archive
from podium.deployments import trial
from podium.deployments.registry_file import RegistryFile, failures
from podium.errors import (
    BundleError,
    IncompatibleVersion,
    NotFound,
    RegistryError,
    SetupError,
    VersionChanged,
)
from podium.signature.compatible import incompatibility

Alias = Literal["champion", "previous"]
CHAMPION: Alias = "champion"
PREVIOUS: Alias = "previous"
DIGEST_LETTERS_MIN = 6


class Version(NamedTuple):
    """A version of a model that was registered.

    Attributes:
        name: as its bundle calls it; several may have one name.
        time_us: when it was registered, in microseconds since 1970.
        actor: who did it.
        note: why.
    """

    model: str
    digest: str
    name: str
    time_us: int
    actor: str
    note: str


class Event(NamedTuple):
    """What happened to a model's versions; digests are "" where there is none."""

    number: int
    model: str
    time_us: int
    actor: str
    action: str
    before: str
    after: str
    note: str


class Registry:
    """The registry of a home folder; several processes may use it at once.

    Args:
        home: the folder; what is needed in it is made at the first change.
        trust: digests of pickles that may be loaded.
    """

    def __init__(self, home: Path, trust: tuple[str, ...] = ()) -> None:
        self._file = RegistryFile(home / "registry.db")
        self._folder = home / "versions"
        self._trust = trust

    @property
    def change(self) -> object:
        """A value that is another one after every change; None as long as there is no registry."""
        return self._file.change

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
            return _aliases(connection, model)

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
            return _find(connection, model, wanted)

    def bundle(self, version: Version) -> Bundle:
        """The bundle of a version, verified.

        Raises:
            RegistryError: it isn't there, or isn't what was registered.
        """
        path, hint = self._path_of(version.digest), "register the version again, or promote another"
        try:
            bundle = load(path, trust=self._trust)
        except (SetupError, BundleError) as error:
            raise RegistryError(f"{path} can't be read: {error.message}", hint=hint) from error
        if bundle.digest != version.digest:
            raise RegistryError(f"{path} isn't what was registered", hint=hint)
        return bundle

    def check(self, bundle: Bundle) -> None:
        """Return if a bundle can be loaded and answers; tried once, in a process of its own.

        Raises:
            UnusableVersion: it can't, or doesn't.
        """
        memory = self._path_of(bundle.digest).with_suffix(".checked")
        trial.require(bundle, memory, self._trust)

    def register(self, bundle: Bundle, *, actor: str = "", note: str = "") -> Version:
        """Keep a copy of a bundle; one that is known already changes nothing.

        Raises:
            BundleError: it is in no file, or its file was replaced since.
            RegistryError: the registry or the copy can't be written.
        """
        self._copy(bundle)
        with self._file.writing() as connection:
            return _register(connection, bundle, actor, note)

    def adopt(self, bundle: Bundle) -> Version:
        """The version that answers where a server is started with this bundle.

        A bundle that isn't known yet is registered and becomes the champion of those that start
        later: it was deployed by its file. Servers that run go on with what they serve. One that is
        known serves what was promoted since, if anything was.

        Raises:
            BundleError: as `register`.
            RegistryError: as `register`.
        """
        with self._file.reading() as connection:
            version = _known(connection, bundle.name).get(bundle.digest)
            if version is not None:
                return _promoted(connection, bundle.name) or version
        self._copy(bundle)
        note = "served from its file"
        with self._file.writing() as connection:
            is_known = bundle.digest in _known(connection, bundle.name)  # by another process
            version = _register(connection, bundle, "", note)
            if not is_known:
                _set_champion(connection, version, "deployed", "", note)
            return version

    def promoted(self, model: str) -> Version | None:
        """The champion, where somebody promoted it or rolled back to it; None where a file did."""
        with self._file.reading() as connection:
            return _promoted(connection, model)

    def promote(
        self,
        model: str,
        wanted: str,
        *,
        actor: str = "",
        note: str = "",
        expected: str | None = None,
    ) -> Version:
        """Let a version answer; the one that did becomes `previous`.

        Args:
            wanted: as `find` takes it.
            expected: the digest of the version that answers now, as whoever promotes believes.

        Raises:
            NotFound: there is no such version, or there are several.
            UnusableVersion: it can't be loaded, or doesn't answer.
            IncompatibleVersion: it refuses what the one that answers accepts.
            VersionChanged: another one answers than expected.
            RegistryError: its bundle can't be read, or the registry can't be written.
        """
        new, old = self.find(model, wanted), self._champion(model)
        if old is None or old.digest != new.digest:
            bundle = self.bundle(new)
            self.check(bundle)
        if old is not None and old.digest != new.digest:
            reason = incompatibility(self.bundle(old).signature, bundle.signature)
            if reason:
                raise IncompatibleVersion(
                    f"{model} {new.name} can't take the place of {old.name}: {reason}",
                    hint="pack it under another name, and serve both",
                )
        with self._file.writing() as connection:
            _check_expected(connection, model, expected)
            _set_champion(connection, new, "promoted", actor, note)
        return new

    def rollback(
        self, model: str, *, actor: str = "", note: str = "", expected: str | None = None
    ) -> Version:
        """Let the version before answer again; the two change places.

        Raises:
            NotFound: there was none before.
            VersionChanged: another one answers than expected.
            RegistryError: the registry can't be written.
        """
        with self._file.writing() as connection:
            _check_expected(connection, model, expected)
            version = _find(connection, model, PREVIOUS)
            _set_champion(connection, version, "rolled_back", actor, note)
        return version

    def _champion(self, model: str) -> Version | None:
        with self._file.reading() as connection:
            digest = _aliases(connection, model).get(CHAMPION, "")
            return _known(connection, model).get(digest)

    def _path_of(self, digest: str) -> Path:
        return self._folder / f"{digest}.podium"

    def _copy(self, bundle: Bundle) -> None:
        path = self._path_of(bundle.digest)
        if path.exists():
            return
        if bundle.path is None:
            raise BundleError(f"{bundle.name} is in no file")
        with failures(path):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy_archive(Path(bundle.path), path, bundle.digest)


def _aliases(connection: apsw.Connection, model: str) -> dict[str, str]:
    rows = connection.execute("SELECT alias, digest FROM alias WHERE model = ?", (model,))
    return dict(rows)


def _known(connection: apsw.Connection, model: str) -> Mapping[str, Version]:
    rows = connection.execute("SELECT * FROM version WHERE model = ?", (model,))
    return {row[1]: Version(*row) for row in rows}


def _find(connection: apsw.Connection, model: str, wanted: str) -> Version:
    known = _known(connection, model)
    digest = _aliases(connection, model).get(wanted, "")
    if digest in known:
        return known[digest]
    is_digest = len(wanted) >= DIGEST_LETTERS_MIN
    found = [one for one in known.values() if one.name == wanted] or [
        one for one in known.values() if is_digest and one.digest.startswith(wanted.lower())
    ]
    if not found:
        names = ", ".join(one.name for one in sorted(known.values(), key=lambda one: -one.time_us))
        what = "previous version" if wanted == PREVIOUS else f"version {wanted!r}"
        raise NotFound(f"{model} has no {what}", hint=f"known: {names or 'none'}")
    if len(found) > 1:
        digests = ", ".join(one.digest[:12] for one in found)
        raise NotFound(
            f"{model} has {len(found)} versions called {wanted!r}",
            hint=f"name one by its digest: {digests}",
        )
    return found[0]


def _promoted(connection: apsw.Connection, model: str) -> Version | None:
    sql = (
        "SELECT action FROM event WHERE model = ? AND action != 'registered' "
        "ORDER BY number DESC LIMIT 1"
    )
    last = connection.execute(sql, (model,)).fetchone()
    if last is None or last[0] == "deployed":
        return None
    return _known(connection, model).get(_aliases(connection, model).get(CHAMPION, ""))


def _register(connection: apsw.Connection, bundle: Bundle, actor: str, note: str) -> Version:
    new = Version(bundle.name, bundle.digest, bundle.version, time.time_ns() // 1_000, actor, note)
    sql = "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    connection.execute(sql, new)
    if connection.changes():
        _add_event(connection, new, "registered", actor, "", note)
    return _known(connection, bundle.name)[bundle.digest]


def _set_champion(
    connection: apsw.Connection, version: Version, action: str, actor: str, note: str
) -> None:
    before = _aliases(connection, version.model).get(CHAMPION, "")
    if before == version.digest:
        if _promoted(connection, version.model) is None:  # it was only deployed
            _add_event(connection, version, action, actor, before, note)
        return
    sql = "INSERT INTO alias VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest"
    connection.execute(sql, (version.model, CHAMPION, version.digest))
    if before:
        connection.execute(sql, (version.model, PREVIOUS, before))
    _add_event(connection, version, action, actor, before, note)


def _add_event(
    connection: apsw.Connection, version: Version, action: str, actor: str, before: str, note: str
) -> None:
    connection.execute(
        "INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
        (version.model, time.time_ns() // 1_000, actor, action, before, version.digest, note),
    )


def _check_expected(connection: apsw.Connection, model: str, expected: str | None) -> None:
    now = _aliases(connection, model).get(CHAMPION, "")
    if expected is not None and now != expected:
        name = f"version {_known(connection, model)[now].name}" if now else "none"
        raise VersionChanged(
            f"the champion of {model} is {name}, not the expected one: nothing was changed",
            hint="see what has changed, then decide again",
        )
