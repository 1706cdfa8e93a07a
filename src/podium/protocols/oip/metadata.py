"""What the protocol says of a server and its models: metadata, configuration, statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podium.deployments.traffic import Traffic
from podium.flow.version import LoadedVersion
from podium.metrics import families
from podium.metrics.metrics import LANES
from podium.metrics.snapshot import Snapshot
from podium.protocols.oip.outputs import TensorSpec, input_specs, output_specs

PLATFORM = "podium"
EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
Values = dict[str, Any]


def model_metadata(version: LoadedVersion, traffic: Traffic, *, has_ids: bool) -> Values:
    """The name of a model, the versions that can answer, and its tensors.

    Args:
        has_ids: whether predictions are recorded.
    """
    signature = version.signature
    return {
        "name": version.name,
        "versions": list(traffic.loaded),
        "platform": PLATFORM,
        "inputs": _announced(input_specs(signature)),
        "outputs": _announced(output_specs(signature, has_ids=has_ids)),
    }


def model_config(version: LoadedVersion, *, has_ids: bool) -> Values:
    """The part of Triton's model configuration that says something about a model of ours."""
    signature = version.signature
    return {
        "name": version.name,
        "platform": PLATFORM,
        "backend": PLATFORM,
        "max_batch_size": version.limits.rows_max,
        "input": _configured(input_specs(signature)),
        "output": _configured(output_specs(signature, has_ids=has_ids)),
    }


def model_statistics(version: LoadedVersion, snapshot: Snapshot) -> Values:
    """The requests, rows and calls of a version, counted since the server started.

    The time of a request is counted as a whole, so that its parts aren't here.
    """
    name, of = version.name, version.version
    counters, histograms = snapshot.counted.counters, snapshot.counted.histograms

    def n_requests(*outcomes: str) -> int:
        series = (
            families.REQUESTS.series(name, of, lane, one) for lane in LANES for one in outcomes
        )
        return sum(counters.get(one, 0) for one in series)

    duration_us = histograms.get(families.DURATION.series(name, of), [0])[-1]
    calls = [
        sizes
        for series, sizes in histograms.items()
        if series[:3] == (families.BATCH_ROWS.name, name, of)
    ]
    return {
        "name": name,
        "version": of,
        "inference_count": counters.get(families.ROWS.series(name, of), 0),
        "execution_count": sum(sum(sizes[:-1]) for sizes in calls),
        "inference_stats": {
            "success": {"count": n_requests("ok"), "ns": duration_us * 1_000},
            "fail": {"count": n_requests("invalid", "failed", "refused"), "ns": 0},
        },
        "batch_stats": [],
    }


def _announced(specs: Sequence[TensorSpec]) -> list[Values]:
    return [{"name": one.name, "datatype": one.datatype, "shape": one.shape} for one in specs]


def _configured(specs: Sequence[TensorSpec]) -> list[Values]:
    return [
        {
            "name": one.name,
            "data_type": f"TYPE_{'STRING' if one.datatype == 'BYTES' else one.datatype}",
            "dims": [one.width],
        }
        for one in specs
    ]
