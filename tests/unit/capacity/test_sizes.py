"""What recorded rows take on a disk is what an outbox and a store really take."""

from __future__ import annotations

from pathlib import Path

import pytest

import podium
from podium.capacity.sizes import N_TOGETHER, sizes_of
from podium.deployments.traffic import Traffic
from podium.flow.formats.json_rows import JSON
from podium.flow.predict import PredictionService
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.outbox.outbox import Outbox
from podium.records.block import Recordable

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"


class Direct:
    """Records to an outbox that nobody empties."""

    is_inline = True
    folder = None
    backlog = None

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def record(self, records: list[Recordable], *, n_patient: int = 0) -> None:
        self._outbox.append(records)


@pytest.mark.parametrize("n_rows", [1, N_TOGETHER])
def test_an_outbox_grows_by_as_much(tmp_path: Path, n_rows: int) -> None:
    bundle = podium.load(BUNDLE)
    row = bundle.signature.examples[0]
    import msgspec

    alone, together = msgspec.json.encode(row), msgspec.json.encode([row] * N_TOGETHER)
    sizes = sizes_of(bundle, [alone], together)
    outbox = Outbox(tmp_path)
    service = PredictionService(recorder=Direct(outbox))  # type: ignore[arg-type]
    body = alone if n_rows == 1 else together
    for _ in range(50):
        service.predict(
            Traffic(LoadedVersion(bundle)), PredictRequest(body, JSON, RequestContext(source="api"))
        )
    segment = max(outbox.folder.iterdir(), key=lambda one: one.stat().st_size)
    grown = len(segment.read_bytes().rstrip(b"\0"))  # it is longer than what was written
    outbox.close()

    counted = sizes.outbox_alone if n_rows == 1 else sizes.outbox_together
    assert grown / (50 * n_rows) == pytest.approx(counted, rel=0.05)
    assert sizes.sqlite > 100
    assert sizes.outbox_together < sizes.outbox_alone
