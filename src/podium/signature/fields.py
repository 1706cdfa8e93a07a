"""The inputs and outputs of a model: named, typed fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

from podium.errors import SignatureError
from podium.outputs import Place
from podium.signature.labels import INTEGER_MAX, Label, folded, label_text, plain_text
from podium.signature.zones import zone_name, zone_of
from podium.table import Frame

FieldType: TypeAlias = Literal[
    "float", "integer", "boolean", "category", "text", "date", "datetime"
]
Task: TypeAlias = Literal["regression", "classification", "clustering", "anomaly", "value"]
ScoreKind: TypeAlias = Literal["", "decision_function", "distance", "log_likelihood"]

NUMBERS: tuple[FieldType, ...] = ("float", "integer")
TIMES: tuple[FieldType, ...] = ("date", "datetime")

_INTEGER = re.compile(r"0|-?[1-9]\d{0,15}", re.ASCII)


def readable(name: str) -> str:
    """A column's name in a readable form: `bill_length` as `Bill length`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else name


class Range(msgspec.Struct, frozen=True):
    """The minimum and the maximum, both included; None means no bound.

    Numbers for numbers, ISO 8601 text for dates and times.
    """

    minimum: int | float | str | None = None
    maximum: int | float | str | None = None


class Category(msgspec.Struct, frozen=True):
    """One value of a category, and its frequency in training (0 to 1)."""

    value: Label
    frequency: float = 0.0


class Field(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    dict=True,  # for cached properties: there may be thousands of categories
):
    """One input of a model.

    Attributes:
        name: the column's name in the model.
        type: of its values.
        title: shown instead of the name.
        description: a sentence of help.
        unit: of the numbers, as people write it (mm, °C).
        group: the heading in the form under which it stands with others.
        missing: what to do with a missing value: `refuse` it, or pass it to the model, which was
            trained with missing values (`accept`), or do so with a warning (`warn`).
        unknown: the same for a category that isn't in the training data.
        outside: the same for a value outside the range of the training data.
        bounds: the possible values; others are always refused.
        seen: the range of the training data.
        quantiles: of the training data, at 5, 25, 50, 75 and 95 %.
        step: the step between neighbouring values in a form's number input.
        categories: the values of a category: most frequent first, or as the column declared them.
        is_ordered: whether the categories are ordered, from the least to the greatest.
        max_length: of a text, in characters.
        missing_share: of the training rows (0 to 1).
        dtype: the column's type in the frame that the model was trained on.
        is_used: whether the model uses it; otherwise its value has no effect on the predictions.
    """

    name: str
    type: FieldType = "float"
    title: str = ""
    description: str = ""
    unit: str = ""
    missing: Literal["refuse", "warn", "accept"] = "refuse"
    unknown: Literal["refuse", "warn", "accept"] = "refuse"
    outside: Literal["refuse", "warn", "accept"] = "warn"
    bounds: Range = Range()
    seen: Range = Range()
    quantiles: tuple[float, ...] = ()
    step: float | None = None
    categories: tuple[Category, ...] = ()
    is_ordered: bool = False
    max_length: int = 10_000
    missing_share: float = 0.0
    dtype: str = ""
    is_used: bool = True
    group: str = ""

    @property
    def is_required(self) -> bool:
        """Whether it must be given: its column had no gaps in training, even if null passes."""
        never_missed = self.missing == "warn" and not self.missing_share
        return self.missing == "refuse" or never_missed

    @property
    def label(self) -> str:
        """The title, or the name in a readable form."""
        return self.title or readable(self.name)

    @cached_property
    def zone(self) -> str:
        """The time zone of its values in training, or "".

        Raises:
            SignatureError: the zone is unknown on this machine, so its times can't be read.
        """
        name = zone_name(self.dtype) if self.type == "datetime" else ""
        if name and zone_of(name) is None:
            raise SignatureError(
                f"{self.name} is in the time zone {name!r}, which this machine doesn't know",
                hint="install the time zones: pip install tzdata, or the system's package tzdata",
            )
        return name

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """The values of a category."""
        return tuple(c.value for c in self.categories)

    @cached_property
    def labels_by_value(self) -> Mapping[tuple[bool, object], Label]:
        """The labels by `(is it a boolean, value)`: 1 and true are two, 1 and 1.0 are one."""
        return {(isinstance(label, bool), label): label for label in reversed(self.labels)}

    @cached_property
    def labels_by_text(self) -> Mapping[str, tuple[Label, ...]]:
        """The labels by their texts: `1` may be a number and a text."""
        by_text: dict[str, tuple[Label, ...]] = {}
        for label in self.labels_by_value.values():
            for text in {label_text(label), plain_text(label)}:
                by_text[text] = (*by_text.get(text, ()), label)
        return by_text

    @cached_property
    def spellings(self) -> tuple[Label, ...]:
        """Labels of the other JSON type, if only one is possible: "12" for 12, or 12 for "12"."""
        others: list[Label] = []
        for text, labels in self.labels_by_text.items():
            if len(labels) > 1:
                continue
            if not isinstance(labels[0], str):
                others.append(text)
            elif _INTEGER.fullmatch(text) and abs(int(text)) <= INTEGER_MAX:
                others.append(int(text))
        return tuple(others)

    @cached_property
    def labels_folded(self) -> Mapping[str, Label]:
        """The labels by their texts, ignoring case, surrounding spaces and Unicode form."""
        return {folded(label_text(label)): label for label in reversed(self.labels)}

    @cached_property
    def label_types(self) -> frozenset[object]:
        """The Python types of the labels."""
        return frozenset(map(type, self.labels))


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The threshold of a classifier with two classes.

    Attributes:
        label: the class that is predicted at or above it.
        value: of its probability, or of the decision function; included.
    """

    label: Label
    value: float
    of: Literal["probability", "decision_function"] = "probability"

    @property
    def sentence(self) -> str:
        """The threshold for people."""
        if self.of == "probability":
            where = f"its probability is at least {100 * self.value:.1f} %"
        else:
            where = f"its decision score is at least {self.value:.4g}"
        return f'"{label_text(self.label)}" is predicted when {where}.'


class Output(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One output of a model.

    Attributes:
        name: of the target.
        task: the kind of prediction; `value` is anything that JSON can represent.
        classes: the labels, in the order of the columns of the probabilities.
        words: display names of the classes, one each, if the labels are mere numbers.
        has_probabilities: whether each prediction has a probability for each class.
        score: the number that comes with each prediction of a model without a target: the decision
            function (below 0 is an outlier), the distance to the centre of the row's cluster, or
            the logarithm of the row's likelihood.
        has_distances: whether each prediction has the distance to each cluster, in the order of the
            classes.
        threshold: of a classifier that doesn't simply predict the most probable class.
        seen: the range of the target in the training data.
        target: what several outputs are estimates of, such as the ends of an interval: their true
            values are one. "" if it is the output's own.
        quantile: of the target, which a regressor predicts (0 to 1); None if it is the mean, say.
    """

    name: str = "prediction"
    task: Task = "regression"
    title: str = ""
    description: str = ""
    unit: str = ""
    classes: tuple[Label, ...] = ()
    words: tuple[str, ...] = ()
    has_probabilities: bool = False
    score: ScoreKind = ""
    has_distances: bool = False
    threshold: Threshold | None = None
    seen: Range = Range()
    target: str = ""
    quantile: float | None = None

    @property
    def label(self) -> str:
        """The title, or the name in a readable form."""
        return self.title or readable(self.name)

    def word_for(self, prediction: object) -> str:
        """The name of this label for people; "" if it has none."""
        if not self.words or prediction not in self.classes:
            return ""
        return self.words[self.classes.index(prediction)]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The names of the classes in the outcomes of records."""
        return self.words or tuple(map(label_text, self.classes))

    @property
    def extras(self) -> tuple[str, ...]:
        """The keys of responses besides predictions and probabilities."""
        return (*(("label",) if self.words else ()), *(("score",) if self.score else ()))

    @property
    def distance_labels(self) -> tuple[str, ...]:
        """The clusters whose distances come with a prediction, as answers call them; none if none do."""
        return tuple(map(label_text, self.classes)) if self.has_distances else ()

    def __post_init__(self) -> None:
        if self.words and len(set(self.words)) != len(self.classes):
            raise SignatureError(
                f"{self.name} has {len(self.classes)} classes and the words {list(self.words)}",
                hint="give one word for each class, all different",
            )
        if self.has_distances and not self.classes:
            raise SignatureError(f"{self.name} has distances, but no clusters")
        if self.threshold is not None and self.threshold.label not in self.classes:
            raise SignatureError(f"{self.name} has no class {self.threshold.label!r}")


class Signature(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The inputs and outputs of a model.

    Attributes:
        fields: inputs, in the order the model was trained with.
        outputs: usually one.
        examples: a few whole rows of the training data, as plain JSON values by field name.
        frame: the kind of table the model was trained on, which its runtime recreates.
        is_series: whether it was trained on its only column as a series, as text models are.
    """

    fields: tuple[Field, ...]
    outputs: tuple[Output, ...] = (Output(),)
    examples: tuple[dict[str, Label | None], ...] = ()
    frame: Frame | None = None
    is_series: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Field names, in order."""
        return tuple(f.name for f in self.fields)

    @property
    def output(self) -> Output:
        """The first output: the only one of nearly every model."""
        return self.outputs[0]

    @property
    def n_probabilities(self) -> int:
        """The number of probability columns: one for each class of all outputs."""
        return sum(len(one.classes) for one in self.outputs if one.has_probabilities)

    @property
    def shared_target(self) -> str:
        """What all outputs are estimates of; "" if each has a target of its own."""
        targets = {one.target for one in self.outputs}
        return targets.pop() if len(self.outputs) > 1 and len(targets) == 1 else ""

    @property
    def has_probabilities(self) -> bool:
        """Whether some output has probabilities."""
        return any(one.has_probabilities for one in self.outputs)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where each column of the probabilities is in an answer."""
        shared = [one for one in self.outputs if one.has_probabilities]
        if len(self.outputs) == 1:
            return tuple(label_text(label) for one in shared for label in one.classes)
        return tuple((one.name, label_text(label)) for one in shared for label in one.classes)

    def probabilities_of(self, place: int) -> slice | None:
        """The columns of the output at this index; None if it has no probabilities."""
        if not self.outputs[place].has_probabilities:
            return None
        before = self.outputs[:place]
        start = sum(len(one.classes) for one in before if one.has_probabilities)
        return slice(start, start + len(self.outputs[place].classes))

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises:
            SignatureError: there is none.
        """
        for one in self.fields:
            if one.name == name:
                return one
        raise SignatureError(f"no field is called {name!r}", hint=f"known: {', '.join(self.names)}")

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise SignatureError(f"two fields are called {twice[0]!r}", hint="rename one of them")
        if not self.outputs:
            raise SignatureError("a signature needs at least one output")
        if len(self.outputs) > 1 and any(one.has_distances for one in self.outputs):
            raise SignatureError("distances to clusters stand beside a single output")
        if self.is_series and len(self.fields) != 1:
            raise SignatureError(f"a series has one column, not {len(self.fields)}")
