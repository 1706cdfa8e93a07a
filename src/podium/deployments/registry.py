"""Versions of models in the home folder, and which of them answers.

Bundles are copied to `versions/DIGEST.podium` and never changed. `registry.db` holds what there is,
under which alias, and an event for every change: who, when, from, to, why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from podium.bundle import Bundle
from podium.deployments import fixed, rows
from podium.deployments.catalog import Catalog
from podium.deployments.rows import Mode, Rollout, Version
from podium.deployments.trial import Passed
from podium.errors import (
    IncompatibleVersion,
    InputError,
    NotFound,
    RegistryError,
)
from podium.model_settings import FixedAliases
from podium.signature.compatible import incompatibility


class Registry(Catalog):
    """The registry of a home folder, and its changes; several processes may use it at once.

    What is needed in the folder is made at the first change.
    """

    def register(self, bundle: Bundle, *, actor: str = "", note: str = "") -> Version:
        """Keep a copy of a bundle; one that is known already changes nothing.

        Raises:
            BundleError: it is in no file, or its file was replaced since.
            RegistryError: the registry or the copy can't be written.
        """
        self.files.copy(bundle)
        return self._insert(bundle, actor, note)

    def take(self, path: Path, passed: Passed, *, actor: str = "", note: str = "") -> Version:
        """Keep a file that passed a trial: it is moved, and only its seal is read.

        Raises:
            BundleError: it was replaced since.
            RegistryError: the registry or the file can't be written.
        """
        self.files.take(path, passed)
        return self._insert(passed, actor, note)

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
            version = rows.by_digest(connection, bundle.name).get(bundle.digest)
            if version is not None:
                return rows.promoted(connection, bundle.name) or version
        self.files.copy(bundle)
        note = "served from its file"
        with self._file.writing() as connection:
            is_known = bundle.digest in rows.by_digest(
                connection, bundle.name
            )  # by another process
            version = rows.register(connection, bundle, "", note)
            if not is_known:
                rows.set_champion(connection, version, "deployed", "", note)
            return version

    def promote(
        self,
        model: str,
        wanted: str,
        *,
        actor: str = "",
        note: str = "",
        expected: str | None = None,
        details: Mapping[str, Any] = {},
    ) -> Version:
        """Let a version answer; the one that did becomes `previous`, and a rollout ends.

        Args:
            wanted: as `find` takes it.
            expected: the digest of the version that answers now, as whoever promotes believes.
            details: what else the event shall say, as JSON has it.

        Raises:
            NotFound: there is no such version, or there are several.
            UnusableVersion: it can't be loaded, or doesn't answer.
            IncompatibleVersion: it refuses what the one that answers accepts.
            VersionChanged: another one answers than expected.
            RegistryError: its bundle can't be read, or the registry can't be written.
        """
        new = self.find(model, wanted)
        self._check_compatible(new, self._champion(model))
        with self._transaction(model) as connection:
            rows.check_expected(connection, model, expected)
            rows.set_champion(connection, new, "promoted", actor, note, details)
        return new

    def rollback(
        self,
        model: str,
        *,
        actor: str = "",
        note: str = "",
        expected: str | None = None,
        details: Mapping[str, Any] = {},
    ) -> Version:
        """Let the version before answer again; the two change places.

        Raises:
            NotFound: there was none before.
            VersionChanged: another one answers than expected.
            RegistryError: the registry can't be written.
        """
        with self._transaction(model) as connection:
            rows.check_expected(connection, model, expected)
            version = rows.find(connection, model, rows.PREVIOUS)
            rows.set_champion(connection, version, "rolled_back", actor, note, details)
        return version

    def challenge(self, model: str, wanted: str, *, actor: str = "", note: str = "") -> Version:
        """Name the version that may take the champion's place; it gets no traffic by that.

        Raises:
            PodiumError: as `set_traffic`.
        """
        version, _ = self._candidate(model, wanted)
        with self._transaction(model) as connection:
            rows.set_challenger(connection, version, actor, note)
        return version

    def set_traffic(
        self,
        model: str,
        wanted: str,
        *,
        share: float = 1.0,
        mode: Mode = "canary",
        key: str = "",
        actor: str = "",
        note: str = "",
        expected: str | None = None,
    ) -> Rollout:
        """Let a version answer a share of the requests, or shadow them, as the challenger.

        Args:
            wanted: as `find` takes it.
            share: of the requests, from 0 to 1.
            key: the field whose value decides which version answers; "" where the caller does.
            expected: the digest of the champion, as whoever does it believes.

        Raises:
            NotFound: there is no such version, or there are several.
            InputError: the share is none, it is the champion, or the champion has no such field.
            UnusableVersion: it can't be loaded, or doesn't answer.
            IncompatibleVersion: it refuses what the champion accepts.
            VersionChanged: another version became the champion meanwhile.
            RegistryError: its bundle can't be read, or the registry can't be written.
        """
        if not 0 <= share <= 1:
            raise InputError(f"{share} is no share of the requests", hint="it is from 0 to 1")
        version, champion = self._candidate(model, wanted)
        self._check_key(champion, key)
        with self._transaction(model) as connection:
            rows.check_expected(connection, model, expected, champion.digest)
            return rows.set_rollout(connection, version, share, mode, key, actor, note)

    def stop(self, model: str, *, actor: str = "", note: str = "") -> None:
        """Let the champion alone answer; there is no challenger any more.

        Raises:
            NotFound: there was none.
            RegistryError: the registry can't be written.
        """
        with self._transaction(model) as connection:
            if not rows.end_rollout(connection, model, actor, note):
                raise NotFound(f"{model} has no challenger", hint="nothing was changed")

    def log(self, model: str, action: str, *, after: str, actor: str, note: str) -> None:
        """Add an event that changes nothing; `after` is the digest of the version that it gave."""
        with self._file.writing() as connection:
            rows.add_event(connection, model, action, actor, "", after, note)

    def prune(self, model: str, *, keep: int, actor: str = "") -> list[Version]:
        """Remove the bundles that no alias points to, but the newest of them; returns those versions.

        Records that name them stay.

        Args:
            keep: how many of the newest stay.

        Raises:
            RegistryError: the registry can't be written.
        """
        with self._file.writing() as connection:
            old = rows.prune(connection, model, keep, actor)
        self._remove_unknown(*(one.digest for one in old))
        return old

    def sweep(self) -> int:
        """Remove files that processes left which were killed; returns how many there were."""
        with self._file.reading() as connection:
            return self.files.sweep(rows.digests(connection))

    def fix(self, model: str, wanted: FixedAliases) -> Version:
        """Set the aliases of a model as settings have them; nobody else can change them then.

        Returns the champion.

        Raises:
            PodiumError: as `promote` and `set_traffic`.
        """
        champion = self.find(model, wanted.champion or rows.CHAMPION)
        self._check_compatible(champion, None)
        self._check_key(champion, wanted.key)
        challenger = self.find(model, wanted.challenger) if wanted.challenger else None
        if challenger is not None:
            self._check_not_champion(challenger, champion)
            self._check_compatible(challenger, champion)
        note, is_shadow = "by the settings", wanted.mode == "shadow"
        share = 1.0 if wanted.share is None and is_shadow else wanted.share
        with self._file.writing() as connection:
            rows.set_champion(connection, champion, "promoted", "", note)
            if challenger is None:
                rows.end_rollout(connection, model, "", note)
            elif share is None:
                rows.set_challenger(connection, challenger, "", note)
            else:
                rows.set_rollout(connection, challenger, share, wanted.mode, wanted.key, "", note)
            fixed.fix(connection, model)
        return champion

    def release(self, model: str) -> None:
        """Let the aliases of a model be changed again, where settings had fixed them."""
        if self.is_fixed(model):
            with self._file.writing() as connection:
                fixed.release(connection, model)

    @contextmanager
    def _transaction(self, model: str) -> Iterator[apsw.Connection]:
        """A transaction that changes the aliases of a model, unless they are fixed."""
        with self._file.writing() as connection:
            fixed.require_free(connection, model)
            yield connection

    def _candidate(self, model: str, wanted: str) -> tuple[Version, Version]:
        """A version that may be tried, and the champion."""
        version, champion = self.find(model, wanted), self._champion(model)
        if champion is None:
            raise NotFound(f"{model} has no champion", hint=f"podium promote {model} VERSION")
        self._check_not_champion(version, champion)
        self._check_compatible(version, champion)
        return version, champion

    def _check_not_champion(self, version: Version, champion: Version) -> None:
        if version.digest == champion.digest:
            name = f"{version.model} {version.name}"
            raise InputError(f"{name} is the champion", hint="choose another version")

    def _check_key(self, champion: Version, key: str) -> None:
        """Refuse a key that isn't a field."""
        names = self.files.signature(champion).names if key else ()
        if key and key not in names:
            name = f"{champion.model} {champion.name}"
            raise InputError(f"{name} has no field {key!r}", hint=f"known: {', '.join(names)}")

    def _check_compatible(self, new: Version, champion: Version | None) -> None:
        """Refuse a version that can't be used, or refuses what the champion accepts."""
        if champion is not None and champion.digest == new.digest:
            return
        self.files.check_version(new)
        if champion is None:
            return
        reason = incompatibility(self.files.signature(champion), self.files.signature(new))
        if reason:
            raise IncompatibleVersion(
                f"{new.model} {new.name} can't take the place of {champion.name}: {reason}",
                hint="pack it under another name, and serve both",
            )

    def _insert(self, bundle: Bundle | Passed, actor: str, note: str) -> Version:
        """The version of a bundle whose file is there; without an entry the file goes again."""
        try:
            with self._file.writing() as connection:
                self.files.require(bundle.digest)
                return rows.register(connection, bundle, actor, note)
        except BaseException:
            with suppress(RegistryError):
                self._remove_unknown(bundle.digest)
            raise

    def _remove_unknown(self, *digests: str) -> None:
        """Remove files of versions that aren't in the registry; whoever enters one comes later."""
        with self._file.writing() as connection:
            for digest in set(digests) - rows.digests(connection):
                self.files.remove(digest)
