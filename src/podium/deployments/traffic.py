"""Traffic: which versions of a model answer, and which of them answers whom.

A request's key has a place from 0 to 1. The challenger answers the places below its share: with a
larger share it keeps all that it had.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b

from podium.deployments.rows import Mode
from podium.flow.version import LoadedVersion

_BITS = 53  # as many as a float holds


@dataclass(frozen=True, slots=True)
class Traffic:
    """What answers for a model, as of one moment. It is replaced as a whole, and never changed.

    Attributes:
        challenger: what is tried; in a canary it answers a share of the requests, as a shadow it
            isn't loaded here.
        previous: the champion before, which stays loaded, so that a rollback needs no time.
        share: of the requests that the challenger answers or shadows, from 0 to 1.
        key: the field whose value decides who answers; "" where the caller does.
        rollout: its id, by which the places of keys differ from those in another rollout.
        epoch: of the registry: greater after each change.
        canary: the challenger, where it answers requests.
    """

    champion: LoadedVersion
    challenger: LoadedVersion | None = None
    previous: LoadedVersion | None = None
    share: float = 0.0
    mode: Mode = "canary"
    key: str = ""
    rollout: str = ""
    epoch: int = 0
    canary: LoadedVersion | None = field(init=False)

    def __post_init__(self) -> None:
        canary = self.challenger if self.mode == "canary" else None
        object.__setattr__(self, "canary", canary)

    def pick(self, key: str) -> LoadedVersion:
        """The version that answers the requests with this key."""
        if self.canary is not None and self.is_within_share(key):
            return self.canary
        return self.champion

    def is_within_share(self, key: str) -> bool:
        """Whether the challenger answers or shadows the requests with this key."""
        return place(self.champion.name, self.rollout, key) < self.share

    def find(self, digest: str) -> LoadedVersion | None:
        """The version of this digest, if it answers or has answered."""
        some = (self.champion, self.canary, self.previous)
        return next((one for one in some if one is not None and one.digest == digest), None)

    def pinned(self, name: str) -> Traffic | None:
        """The traffic of the version with this name alone; None if it isn't among the loaded ones."""
        found = self.loaded.get(name)
        return None if found is None else Traffic(found, epoch=self.epoch)

    @property
    def loaded(self) -> dict[str, LoadedVersion]:
        """The champion and the other loaded versions by name; of two with one name, the first."""
        found: dict[str, LoadedVersion] = {}
        for one in (self.champion, self.canary, self.previous):
            if one is not None and (one.is_loaded or one is self.champion):
                found.setdefault(one.version, one)
        return found

    @property
    def answering(self) -> tuple[LoadedVersion, ...]:
        """The versions that requests are answered by."""
        return (self.champion,) if self.canary is None else (self.champion, self.canary)


def place(model: str, rollout: str, key: str) -> float:
    """Where a key stands in a rollout: a number from 0 up to, but not including, 1.

    Keys are spread evenly, and where one stands says nothing about its place in another rollout: a
    weaker checksum, such as CRC-32, would try every new version on the same users.
    """
    text = f"{model}\0{rollout}\0{key}".encode("utf-8", "surrogatepass")
    digest = blake2b(text, digest_size=8).digest()
    return math.ldexp(int.from_bytes(digest) >> (64 - _BITS), -_BITS)
