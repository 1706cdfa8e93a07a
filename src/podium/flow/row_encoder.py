"""Responses for single rows, from parts that are encoded in advance."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from podium.outputs import by_place
from podium.signature import Signature


class RowEncoder:
    """Encodes responses for single rows: the same bytes as `encode`, from prepared parts."""

    def __init__(self, model: str, version: str, signature: Signature) -> None:
        threshold = signature.output.threshold
        self._end = b',"model":%b,"version":%b%b,"warnings":' % (
            msgspec.json.encode(model),
            msgspec.json.encode(version),
            b"" if threshold is None else b',"threshold":' + msgspec.json.encode(threshold),
        )
        self.words = signature.output.words
        self.label_of = signature.output.word_for
        self._places = signature.places
        self._clusters = signature.output.distance_labels

    def core(
        self,
        prediction: object,
        probabilities: Sequence[float] | None,
        score: float | None,
        distances: Sequence[float] | None,
    ) -> bytes:
        """The outputs as a JSON object without its closing brace."""
        core = b'{"prediction":%b' % msgspec.json.encode(prediction)
        if self.words:
            core += b',"label":' + msgspec.json.encode(self.label_of(prediction))
        if probabilities is not None:
            shares = by_place(self._places, probabilities)
            core += b',"probabilities":' + msgspec.json.encode(shares)
        if score is not None:
            core += b',"score":' + msgspec.json.encode(score)
        if distances is not None:
            core += b',"distances":' + self._distances(distances)
        return core

    def body(self, core: bytes, id_: str, warnings: bytes) -> bytes:
        """The body of a response.

        Args:
            id_: of its record; empty if nothing is recorded.
            warnings: as JSON.
        """
        if id_:
            return b'%b,"id":"%b"%b%b}' % (core, id_.encode(), self._end, warnings)
        return b"%b%b%b}" % (core, self._end, warnings)

    def arrays(
        self,
        prediction: object,
        probabilities: Sequence[float] | None,
        score: float | None,
        distances: Sequence[float] | None,
        id_: str,
    ) -> bytes:
        """The body of a response for several rows that has this row alone."""
        body = b'{"predictions":[%b]' % msgspec.json.encode(prediction)
        if self.words:
            body += b',"labels":[%b]' % msgspec.json.encode(self.label_of(prediction))
        if probabilities is not None:
            shares = by_place(self._places, probabilities)
            body += b',"probabilities":[%b]' % msgspec.json.encode(shares)
        if score is not None:
            body += b',"scores":[%b]' % msgspec.json.encode(score)
        if distances is not None:
            body += b',"distances":[%b]' % self._distances(distances)
        ids = b',"ids":["%b"]' % id_.encode() if id_ else b""
        return b"%b%b%b[]}" % (body, ids, self._end)

    def recorded(self, core: bytes, warnings: bytes) -> bytes:
        """The outputs as a record holds them."""
        return b'%b,"warnings":%b}' % (core, warnings)

    def _distances(self, distances: Sequence[float]) -> bytes:
        return msgspec.json.encode(dict(zip(self._clusters, distances, strict=True)))
