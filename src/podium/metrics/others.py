"""Our metrics under the names of other serving systems, whose dashboards and alerts read them.

Made from our own numbers when they are read. What we don't measure as they do isn't here: KServe's times
before and after a prediction, Triton's times of copying inputs and outputs and its numbers of GPUs.

Sources: Triton Inference Server, docs/user_guide/metrics.md; KServe, python/kserve/kserve/metrics.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

from podium.metrics import families
from podium.metrics.families import LATENCY_BOUNDS_US, OF_MODEL, Family, Series
from podium.metrics.snapshot import Counted, Snapshot, total

System: TypeAlias = Literal["triton", "kserve"]

_SUCCESS = Family(
    "nv_inference_request_success",
    "counter",
    "Number of successful inference requests, all batch sizes",
    OF_MODEL,
)
_FAILURE = Family(
    "nv_inference_request_failure",
    "counter",
    "Number of failed inference requests, all batch sizes",
    (*OF_MODEL, "reason"),
)
_COUNT = Family(
    "nv_inference_count",
    "counter",
    "Number of inferences performed (does not include cached requests)",
    OF_MODEL,
)
_CALLS = Family(
    "nv_inference_exec_count",
    "counter",
    "Number of model executions performed (does not include cached requests)",
    OF_MODEL,
)
_DURATION_US = Family(
    "nv_inference_request_duration_us",
    "counter",
    "Cumulative inference request duration in microseconds",
    OF_MODEL,
)
_QUEUE_US = Family(
    "nv_inference_queue_duration_us",
    "counter",
    "Cumulative inference queuing duration in microseconds",
    OF_MODEL,
)
_INFER_US = Family(
    "nv_inference_compute_infer_duration_us",
    "counter",
    "Cumulative compute inference duration in microseconds",
    OF_MODEL,
)
_PREDICT = Family(
    "request_predict_seconds",
    "histogram",
    "predict request latency",
    ("model_name",),
    bounds=LATENCY_BOUNDS_US,
    per_unit=1_000_000,
)
_TRITON = (_SUCCESS, _FAILURE, _COUNT, _CALLS, _DURATION_US, _QUEUE_US, _INFER_US)
FAMILIES: Mapping[System, tuple[Family, ...]] = {"triton": _TRITON, "kserve": (_PREDICT,)}
_REASONS = {"refused": "REJECTED", "failed": "BACKEND", "invalid": "OTHER"}


def renamed(snapshot: Snapshot, systems: Iterable[System]) -> Snapshot:
    """The numbers under the names of these systems, for `exposition` with their families."""
    found = [_READ[one](snapshot.counted) for one in systems]
    return Snapshot(snapshot.taken_s, total(found), {})


def _triton(counted: Counted) -> Counted:
    counters: dict[Series, int] = {}

    def add(family: Family, count: int, *labels: str) -> None:
        series = family.series(*labels)
        counters[series] = counters.get(series, 0) + count

    of_rows = {
        families.ROWS.name: _COUNT,
        families.WAITED.name: _QUEUE_US,
        families.RAN.name: _INFER_US,
    }
    for (name, *labels), count in counted.counters.items():
        if name in of_rows:
            add(of_rows[name], count, *labels)
        elif name == families.REQUESTS.name:
            model, version, _, outcome = labels
            if outcome == "ok":
                add(_SUCCESS, count, model, version)
            else:
                add(_FAILURE, count, model, version, _REASONS[outcome])
    for (name, *labels), counts in counted.histograms.items():
        if name == families.DURATION.name:
            add(_DURATION_US, counts[-1], *labels)
        elif name == families.BATCH_ROWS.name:
            add(_CALLS, sum(counts[:-1]), *labels[:2])
    return Counted(counters)


def _kserve(counted: Counted) -> Counted:
    return total(
        Counted({}, {_PREDICT.series(series[1]): counts})
        for series, counts in counted.histograms.items()
        if series[0] == families.DURATION.name
    )


_READ: Mapping[System, Callable[[Counted], Counted]] = {"triton": _triton, "kserve": _kserve}
