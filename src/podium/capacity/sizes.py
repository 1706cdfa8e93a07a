"""What recorded rows take on a disk: some are predicted, and written as a server writes them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from podium.bundle import Bundle
from podium.capacity.figures import Sizes
from podium.deployments.traffic import Traffic
from podium.flow.formats.json_rows import JSON
from podium.flow.predict import PredictionService
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.outbox.frames import FRAME_BYTES
from podium.outbox.recorder import Settled, StoreRecorder
from podium.outbox.segment import packed_in_chunks
from podium.records.block import Recordable
from podium.records.stores.sqlite import SqliteStore

N_TOGETHER = 100
# Enough for the pages of SQLite's indexes to be as full as those of a large file.
N_REQUESTS = 100


class _Weighed(StoreRecorder):
    """Records to a store, and counts the bytes that an outbox would write first."""

    n_bytes = 0

    def record(self, records: Iterable[Recordable], *, n_patient: int = 0) -> None:
        some = list(records)
        self.n_bytes += sum(len(one.payload) + FRAME_BYTES for one in packed_in_chunks(some))
        super().record(some, n_patient=n_patient)

    def record_later(self, records: Sequence[Recordable], settled: Settled) -> None:
        self.record(records)
        settled(None)


def sizes_of(bundle: Bundle, alone: Sequence[bytes], together: bytes) -> Sizes:
    """The bytes that a row of this model takes.

    Args:
        alone: bodies of one row.
        together: a body of `N_TOGETHER` rows.

    Raises:
        PodiumError: they can't be predicted.
    """
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder:
        path = Path(folder) / "podium.db"
        store = SqliteStore(path)
        try:
            recorder = _Weighed(store)
            recorder.start()
            service, traffic = PredictionService(recorder=recorder), Traffic(LoadedVersion(bundle))
            context = RequestContext(source="api")
            for number in range(N_REQUESTS):
                body = alone[number % len(alone)]
                service.predict(traffic, PredictRequest(body, JSON, context))
            n_bytes_alone, recorder.n_bytes = recorder.n_bytes, 0
            for _ in range(N_REQUESTS):
                service.predict(traffic, PredictRequest(together, JSON, context))
        finally:
            store.close()
        n_rows = N_REQUESTS * (1 + N_TOGETHER)
        return Sizes(
            outbox_alone=n_bytes_alone / N_REQUESTS,
            outbox_together=recorder.n_bytes / (N_REQUESTS * N_TOGETHER),
            sqlite=sum(one.stat().st_size for one in Path(folder).iterdir()) / n_rows,
        )
