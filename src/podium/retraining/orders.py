"""What a process that retrains is given, and what it reports."""

from __future__ import annotations

import msgspec

from podium.settings import Settings

HOLDOUT, TIMEOUT_S = 0.2, 3_600.0
# Fewer say nothing about a model.
TRUTHS_MIN = 20
# Files of the folder in which the process works.
BUNDLE_NAME, REPORT_NAME = "bundle.podium", "report.json"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is retrained.

    Attributes:
        recipe: `file.py:function` or `module:function`.
        data: a CSV or Parquet file with the training data that the model had, or "".
        holdout: the share of the truths, the newest ones, that the new version is measured on.
        since: from when on records are taken; such as `90d`; all when empty.
        timeout_s: how long the process may run.
        memory_mb: how much memory it may allocate; 0 is three quarters of the machine's.
        version: the name of the new version; the time of packing when empty.
        niceness: added to that of this process.
    """

    model: str
    recipe: str
    data: str = ""
    holdout: float = HOLDOUT
    since: str = ""
    timeout_s: float = TIMEOUT_S
    memory_mb: int = 0
    version: str = ""
    niceness: int = 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do, on its standard input.

    Attributes:
        folder: where it writes `bundle.podium` and, at last, `report.json`.
        digest: of the champion.
    """

    recipe: Recipe
    settings: Settings
    folder: str
    digest: str
    memory_bytes: int


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric on the held-out rows.

    Attributes:
        champion: None where it can't be measured.
    """

    name: str
    title: str
    better: str
    unit: str
    new: float
    champion: float | None

    @property
    def sentence(self) -> str:
        """The figure of both, for people."""
        unit = f" {self.unit}" if self.unit else ""
        champion = "" if self.champion is None else f" (the champion: {self.champion:.4g}{unit})"
        return f"{self.title} {self.new:.4g}{unit}{champion}"


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was packed.

    Attributes:
        n_train: how many records the recipe was given.
        n_holdout: how many newer ones the metrics are measured on.
        n_data: how many rows of the training data it was given, too.
        n_left_out: how many records with feedback have values that can't be used.
        until_us: the time of the last record.
    """

    n_train: int
    n_holdout: int
    n_data: int
    n_left_out: int
    until_us: int
    figures: tuple[Figure, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it ended: one of the two.

    Attributes:
        error: what went wrong, and in `hint` what to do.
    """

    trained: Trained | None = None
    error: str = ""
    hint: str = ""
