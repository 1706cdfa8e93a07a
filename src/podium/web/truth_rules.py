"""Which version's outputs truth is checked against: those of the version that gave the record."""

from __future__ import annotations

from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.errors import PodiumError
from podium.records.record import Record
from podium.signature import Signature
from podium.signature.truth import truth_signature

KNOWN_MAX = 64


class TruthRules:
    """The signatures of versions whose bundles are in the registry.

    Those that were read are kept, since a bundle never changes. One that is missing is looked for
    again when the registry has changed.

    Args:
        registry: None: every record is checked against the version that is served now.
    """

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry
        self._known: dict[tuple[str, str], Signature] = {}
        self._missing: dict[tuple[str, str], object] = {}

    def of(self, record: Record, live: Bundle) -> Signature:
        """The signature that truth on a record is checked against.

        It is the live one, the same object, also if the bundle is gone or takes the same truths.

        Args:
            live: the bundle of the version that is served now.
        """
        digest = record.bundle_digest
        if digest is None or digest == live.digest or self._registry is None:
            return live.signature
        own = self._signature(self._registry, record.model, digest)
        if own is None or truth_signature(own) == truth_signature(live.signature):
            return live.signature
        return own

    def _signature(self, registry: Registry, model: str, digest: str) -> Signature | None:
        key = (model, digest)
        if key in self._known:
            return self._known[key]
        change = registry.change
        if self._missing.get(key, self) == change:
            return None
        for kept in (self._known, self._missing):
            if len(kept) >= KNOWN_MAX:
                kept.clear()
        try:
            signature = registry.bundle(registry.find(model, digest)).signature
        except PodiumError:
            self._missing[key] = change
            return None
        self._known[key] = signature
        return signature
