"""The files of versions: each bundle under its digest, never changed, with what its trial found."""

from __future__ import annotations

import time
from collections.abc import Collection, Container
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from podium.bundle import Bundle, load
from podium.bundle.archive import copy_archive, digest_of, move_archive
from podium.bundle.card import Card
from podium.deployments import trial
from podium.deployments.rows import Version
from podium.deployments.trial import Passed
from podium.errors import BundleError, RegistryError, SetupError
from podium.records.home_file import failures
from podium.signature import Signature

# A file that nobody has written to for so long belongs to a process that was killed.
LEFT_S = 3_600


_Stamp: TypeAlias = tuple[int, int, int]


class Described(NamedTuple):
    """What is in a bundle about its model."""

    signature: Signature
    card: Card


def _description(bundle: Bundle) -> Described:
    return Described(bundle.signature, bundle.card)


class VersionFiles:
    """The folder of a registry's bundles.

    Args:
        trust: `sha256:...` digests of pickles that may be loaded.
    """

    def __init__(self, folder: Path, trust: Collection[str]) -> None:
        self.folder = folder
        self._trust = tuple(trust)
        self._known: dict[str, tuple[_Stamp, Described]] = {}

    def path_of(self, digest: str) -> Path:
        """Where the bundle with this digest is."""
        return self.folder / f"{digest}.podium"

    def trial_cache_of(self, digest: str) -> Path:
        """Where it is noted that its trial was passed."""
        return self.folder / f"{digest}.checked"

    def bundle(self, version: Version) -> Bundle:
        """The bundle of a version, verified.

        Raises:
            RegistryError: it isn't there, or isn't what was registered.
        """
        path, hint = self.path_of(version.digest), "register the version again, or promote another"
        try:
            bundle = load(path, trust=self._trust)
        except (SetupError, BundleError) as error:
            raise RegistryError(f"{path} can't be read: {error.message}", hint=hint) from error
        if bundle.digest != version.digest:
            raise RegistryError(f"{path} isn't what was registered", hint=hint)
        return bundle

    def card(self, version: Version) -> Card:
        """The card of a version; its file is read again only if it was replaced.

        Raises:
            RegistryError: as `bundle`.
        """
        return self._described(version).card

    def signature(self, version: Version) -> Signature:
        """The signature of a version; its file is read again only if it was replaced.

        Raises:
            RegistryError: as `bundle`.
        """
        return self._described(version).signature

    def _described(self, version: Version) -> Described:
        try:
            status = self.path_of(version.digest).stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            return _description(self.bundle(version))  # says why not
        known = self._known.get(version.digest)
        if known is None or known[0] != stamp:
            known = self._known[version.digest] = (stamp, _description(self.bundle(version)))
        return known[1]

    def check_version(self, version: Version) -> None:
        """Return if a version can be loaded and answers; its bundle is read where it isn't known.

        Raises:
            RegistryError: as `bundle`.
            UnusableVersion: it can't be loaded, or doesn't answer.
        """
        libraries = self._described(version).card.libraries
        if not trial.is_cached(self.trial_cache_of(version.digest), version.digest, libraries):
            self.check(self.bundle(version))

    def check(self, bundle: Bundle) -> None:
        """Return if a bundle can be loaded and answers; tried once, in a process of its own.

        Raises:
            UnusableVersion: it can't, or doesn't.
        """
        trial.require(bundle, self.trial_cache_of(bundle.digest), self._trust)

    def copy(self, bundle: Bundle) -> None:
        """Keep a copy of a bundle; a copy that was damaged is written anew.

        Raises:
            BundleError: it is in no file, or its file was replaced since.
            RegistryError: the copy can't be written.
        """
        path = self.path_of(bundle.digest)
        if bundle.path is None:
            raise BundleError(f"{bundle.name} is in no file")
        if path.exists() and (path == bundle.path or self._is_whole(bundle.digest)):
            return
        with failures(path, RegistryError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy_archive(Path(bundle.path), path, bundle.digest)

    def take(self, path: Path, passed: Passed) -> None:
        """Keep a file that passed a trial: it is moved, and only its seal is read.

        Raises:
            BundleError: it was replaced since.
            RegistryError: it can't be moved.
        """
        with failures(self.path_of(passed.digest), RegistryError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            move_archive(path, self.path_of(passed.digest), passed.digest)
        trial.cache_result(self.trial_cache_of(passed.digest), passed)

    def require(self, digest: str) -> None:
        """Return if the file of a version is there.

        Raises:
            RegistryError: it isn't.
        """
        if not self.path_of(digest).exists():
            raise RegistryError("the bundle was removed meanwhile", hint="try again")

    def remove(self, digest: str) -> None:
        """Remove the bundle, and what is known of it."""
        for path in (self.path_of(digest), self.trial_cache_of(digest)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def sweep(self, known: Container[str] | None = None) -> int:
        """Remove what processes left that were killed; returns how many files.

        Args:
            known: the digests of all versions: bundles other than these go too.
        """
        left = list(self.folder.glob(".*.tmp"))
        if known is not None:
            whole = (*self.folder.glob("*.podium"), *self.folder.glob("*.checked"))
            left += [path for path in whole if path.stem not in known]
        n_removed = 0
        for path in left:
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - path.stat().st_mtime > LEFT_S:
                    path.unlink()
                    n_removed += 1
        return n_removed

    def _is_whole(self, digest: str) -> bool:
        path = self.path_of(digest)
        try:
            return digest_of(path) == digest
        except (BundleError, OSError):
            return False
