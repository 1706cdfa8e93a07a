"""Every family of metrics: its name, labels and help text, and how workers' numbers are merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Merge: TypeAlias = Literal["sum", "max", "min"]

# One series: the name of its family, then the values of its labels, in the family's order.
Series: TypeAlias = tuple[str, ...]

LATENCY_BOUNDS_US = (
    *(100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000),
    *(100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000),
)
BATCH_BOUNDS = tuple(2**n for n in range(11))
OF_MODEL = ("model", "version")


@dataclass(frozen=True, slots=True)
class Family:
    """Series that share a name.

    Attributes:
        labels: their names, in the order in which a series holds their values.
        merge: how the numbers of several workers become one. Values that all of them see alike,
            such as the errors of the one shipper, aren't added up.
        bounds: of a histogram: the upper bounds of its buckets, in the unit that is counted.
        per_unit: of what is counted: how many of the counted unit make one of the unit in the name.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    merge: Merge = "sum"
    bounds: tuple[int, ...] = ()
    per_unit: int = 1

    @property
    def outlives_worker(self) -> bool:
        """Whether the counts of a worker are still included after it has ended."""
        return self.kind != "gauge" and self.merge == "sum"

    def series(self, *values: str) -> Series:
        """The series with these label values."""
        assert len(values) == len(self.labels), f"{self.name} has the labels {self.labels}"
        return (self.name, *values)


REQUESTS = Family(
    "podium_requests_total",
    "counter",
    "Prediction requests, by lane and outcome: ok, invalid, failed, refused.",
    (*OF_MODEL, "lane", "outcome"),
)
ROWS = Family("podium_rows_total", "counter", "Predicted rows.", OF_MODEL)
DURATION = Family(
    "podium_request_duration_seconds",
    "histogram",
    "Time from the arrival of a request to its response, of successful requests.",
    OF_MODEL,
    bounds=LATENCY_BOUNDS_US,
    per_unit=1_000_000,
)
WAITED = Family(
    "podium_wait_seconds_total",
    "counter",
    "Time between the arrival of requests and the call of the model with their rows.",
    OF_MODEL,
    per_unit=1_000_000,
)
RAN = Family(
    "podium_model_seconds_total",
    "counter",
    "Time in calls of the model, once for each request whose rows were in a call.",
    OF_MODEL,
    per_unit=1_000_000,
)
BATCH_ROWS = Family(
    "podium_batch_rows",
    "histogram",
    "Rows in a call of the model, by the reason why the batch was released.",
    (*OF_MODEL, "reason"),
    bounds=BATCH_BOUNDS,
)
QUEUE_ROWS = Family(
    "podium_queue_rows", "gauge", "Rows that wait for the model, or are being predicted.", OF_MODEL
)
SHADOW_ROWS = Family(
    "podium_shadow_rows_total",
    "counter",
    "Rows for a shadow, by the version of the shadow: recorded, failed, or dropped.",
    (*OF_MODEL, "outcome"),
)
UNWRITTEN_COUNTS = Family(
    "podium_counts_not_written_total",
    "counter",
    "How often counts of predicted values couldn't be written; they wait in memory.",
)
OUTBOX_ROWS = Family(
    "podium_outbox_rows", "gauge", "Records of live workers that aren't in the store yet."
)
OUTBOX_AGE = Family(
    "podium_outbox_age_seconds",
    "gauge",
    "Age of the oldest record that isn't in the store yet, 0 when there is none.",
    merge="max",
)
STORE_ERRORS = Family(
    "podium_store_errors_total",
    "counter",
    "How often writing records to the store failed.",
    (),
    "max",
)
DROPPED = Family(
    "podium_records_dropped_total", "counter", "Records dropped because the outbox was full."
)
SET_ASIDE = Family(
    "podium_records_set_aside_total",
    "counter",
    "Records that the store can't hold, set aside in a file.",
    merge="max",
)
ALERTS = Family(
    "podium_alerts",
    "gauge",
    "Open alerts of a model: pending, firing, or acknowledged.",
    ("model", "kind", "state"),
    "max",
)
CONNECTIONS = Family("podium_open_connections", "gauge", "Open connections.")
WORKERS = Family(
    "podium_workers", "gauge", "Worker processes, over which the other metrics are summed."
)
MEMORY = Family(
    "process_resident_memory_bytes", "gauge", "Resident memory, summed over the workers."
)
STARTED = Family(
    "process_start_time_seconds",
    "gauge",
    "When the oldest worker started, in seconds since 1970.",
    merge="min",
)

FAMILIES = (
    *(
        REQUESTS,
        ROWS,
        DURATION,
        WAITED,
        RAN,
        BATCH_ROWS,
        QUEUE_ROWS,
        SHADOW_ROWS,
        UNWRITTEN_COUNTS,
        OUTBOX_ROWS,
        OUTBOX_AGE,
        STORE_ERRORS,
    ),
    *(DROPPED, SET_ASIDE, ALERTS, CONNECTIONS, WORKERS, MEMORY, STARTED),
)
BY_NAME = {family.name: family for family in FAMILIES}
