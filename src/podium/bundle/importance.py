"""What matters to a model, measured at packing: its fields, their curves, and its errors."""

from __future__ import annotations

import msgspec

from podium.signature import Label


class FieldImportance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much one field matters.

    Attributes:
        size: the mean size of its contributions to predictions; None if that wasn't measured.
        loss: how much the loss grows when the field's values are shuffled among the rows; likewise.
        values: of the field, for its curve; numbers and times ascending.
        means: the mean of the explained number if all rows had that value, one for each value.
    """

    size: float | None = None
    loss: float | None = None
    values: tuple[Label | None, ...] = ()
    means: tuple[float, ...] = ()


class Pair(msgspec.Struct, frozen=True):
    """Two fields that go together, and their rank correlation (Spearman's rho)."""

    first: str
    second: str
    rho: float


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """How often each class was predicted for each true class: `counts[true][predicted]`."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a probability is as often right as it says, by bins of the predicted probability.

    Attributes:
        label: the class.
        predicted: the mean probability in each bin.
        happened: the share of the rows that were of the class.
        counts: rows in each bin.
    """

    label: str
    predicted: tuple[float, ...]
    happened: tuple[float, ...]
    counts: tuple[int, ...]


class Residuals(msgspec.Struct, frozen=True, kw_only=True):
    """Truth less prediction: a histogram. The edges are one more than the counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class OutputImportance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What matters to one output of a model.

    Attributes:
        output: its name; "" if the model has one output.
        of: what sizes and curves are about: `prediction`, `score`, or the probability of `label`.
        label: the class of the curves; sizes are of the class that was predicted in each row.
        link: what sizes add up in; see `podium.explanations.explanation`.
        metric: the loss that is measured, as a metric is called; "" if the truth is unknown.
        measured_on: which rows the loss and the errors were measured on.
        n_rows: how many of them.
        fields: by name.
        confusion: of a classifier; `calibration` if it has probabilities.
        residuals: of a regression.
    """

    output: str = ""
    of: str = "prediction"
    label: str = ""
    link: str = ""
    metric: str = ""
    measured_on: str = ""
    n_rows: int = 0
    fields: dict[str, FieldImportance] = {}
    confusion: Confusion | None = None
    calibration: Calibration | None = None
    residuals: Residuals | None = None


class Importance(OutputImportance, frozen=True, kw_only=True, omit_defaults=True):
    """What matters to a model: to its first output, and to `others`, in the signature's order.

    Attributes:
        pairs: fields that go together, so that each may stand for the other.
    """

    pairs: tuple[Pair, ...] = ()
    others: tuple[OutputImportance, ...] = ()

    @property
    def outputs(self) -> tuple[OutputImportance, ...]:
        """What matters to each output."""
        return self, *self.others
