"""What the tests of metrics share: Prometheus's own reading of a text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from podium.metrics.exposition import exposition
from podium.metrics.snapshot import Snapshot

Read = Callable[[Snapshot], Callable[..., float]]


@pytest.fixture
def read() -> Read:
    """Reads a snapshot as Prometheus does: `read(snapshot)("podium_rows_total", model="a")`."""

    def reader(snapshot: Snapshot) -> Callable[..., float]:
        families = text_string_to_metric_families(exposition(snapshot))
        samples = [sample for family in families for sample in family.samples]

        def value(name: str, **labels: str) -> float:
            found = [
                one.value
                for one in samples
                if one.name == name and labels.items() <= one.labels.items()
            ]
            assert found, f"no {name} with {labels}"
            return sum(found)

        return value

    return reader
