"""A packed model: its signature, its card, and the runtime that executes it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from podium.bundle.archive import Archive, read_archive
from podium.bundle.background import Background
from podium.bundle.baseline import Baseline
from podium.bundle.card import Card
from podium.bundle.compilation import Compilation
from podium.bundle.importance import Importance
from podium.bundle.model_part import (
    FOLDER,
    ModelPart,
    original_of_archive,
    part_of_archive,
    runtime_of,
)
from podium.bundle.trust import parse_trust, require_trust
from podium.errors import BundleError, SetupError
from podium.outputs import Outputs
from podium.runtimes.protocol import Runtime
from podium.signature import Signature
from podium.signature.cells import check_table
from podium.signature.zones import zone_name
from podium.table import Table

if TYPE_CHECKING:
    import pyarrow as pa


class Bundle:
    """The verified content of a `.podium` file.

    The model itself is loaded at the first prediction, or by `start()`.
    """

    def __init__(self, archive: Archive, path: Path | None, trust: Collection[str] = ()) -> None:
        self._archive = archive
        self._trust = frozenset(trust)
        self._loading = threading.Lock()
        self._runtime: Runtime | None = None
        self.path = path
        self.signature: Signature = _part(archive, "signature.json")
        self.card: Card = _part(archive, "card.json")

    @property
    def name(self) -> str:
        """The model's name."""
        return self._archive.manifest.name

    @property
    def version(self) -> str:
        """The version of the model."""
        return self._archive.manifest.version

    @property
    def digest(self) -> str:
        """SHA-256 over the whole bundle, in hex."""
        return self._archive.digest

    @property
    def runtime_name(self) -> str:
        """The runtime of the model: program, skops, pickle, onnx, python."""
        return self._archive.manifest.runtime

    @property
    def requires(self) -> tuple[str, ...]:
        """The extras that serving needs."""
        times = (one.dtype for one in self.signature.fields if one.type == "datetime")
        zones = ("zones",) if any(map(zone_name, times)) else ()
        return (*self._archive.manifest.requires, *zones)

    @property
    def options(self) -> dict[str, Any]:
        """The runtime's options, set when the model was packed."""
        return self._archive.manifest.options

    @property
    def is_compiled(self) -> bool:
        """Whether the model is a program, which needs no training library."""
        return self.runtime_name == "program"

    @cached_property
    def baseline(self) -> Baseline:
        """The distribution of each field in training."""
        baseline: Baseline = _part(self._archive, "baseline.json")
        return baseline

    @cached_property
    def background(self) -> Table | None:
        """Training rows that explanations compare with; None if it was packed without any.

        Raises:
            BundleError: they don't match the signature.
        """
        if "background.json" not in self._archive.names:
            return None
        background: Background = _part(self._archive, "background.json")
        return background.table(self.signature)

    @cached_property
    def importance(self) -> Importance | None:
        """What matters to the model; None if it was packed without."""
        if "importance.json" not in self._archive.names:
            return None
        importance: Importance = _part(self._archive, "importance.json")
        return importance

    @cached_property
    def compilation(self) -> Compilation | None:
        """The result of compiling, and its verification; None if it wasn't tried."""
        if "compilation.json" not in self._archive.names:
            return None
        compilation: Compilation = _part(self._archive, "compilation.json")
        return compilation

    def original(self) -> Runtime:
        """The estimator that was packed beside its program, as a runtime.

        Raises:
            SetupError: it was packed without one.
            UntrustedModel: it is a pickle that isn't trusted.
            MissingExtra: a library that it needs isn't installed.
        """
        part = original_of_archive(self._archive)
        if part is None:
            raise SetupError(
                f"{self.name} was packed without its original",
                hint="pack it again with keep_original=True, or --keep-original",
            )
        return self._runtime_of(part)

    @property
    def is_started(self) -> bool:
        """Whether the model is loaded."""
        return self._runtime is not None

    @property
    def runtime(self) -> Runtime:
        """The runtime; loaded when it is first used."""
        return self._runtime or self.start()

    def start(self) -> Runtime:
        """Load the model once.

        Raises:
            UntrustedModel: it is a pickle that isn't trusted.
            MissingExtra: a library that it needs isn't installed.
            BundleError: its part can't be loaded.
        """
        with self._loading:
            if self._runtime is None:
                part = part_of_archive(self._archive)
                self._runtime = self._runtime_of(part)
                # The model is now in the runtime: its packed bytes needn't stay in memory.
                self._archive = self._archive.without(FOLDER)
            return self._runtime

    def check_parts(self) -> None:
        """Read now the parts that would otherwise be read when they are first used.

        Raises:
            BundleError: a part can't be read.
        """
        _ = self.baseline, self.compilation, self.background, self.importance

    def check_trust(self) -> None:
        """Refuse now what `start()` would refuse.

        Raises:
            UntrustedModel: the model is a pickle that isn't trusted.
        """
        if self.runtime_name == "pickle":
            require_trust(str(self.options.get("sha256", "")), self.name, self._trust)

    def predict(self, rows: object) -> Outputs:
        """Predictions for rows, with warnings about values outside the training data.

        Args:
            rows: one mapping, a sequence of mappings, a mapping of columns, a pandas or polars
                frame, or an array of shape (n_rows, n_fields) in the order of the fields.

        Raises:
            InvalidRows: some cells are invalid; its `cells` lists them.
            ModelError: the model raised.
        """
        named_rows = Table.of(rows, names=self.signature.names)
        table, warnings = check_table(self.signature, named_rows)
        return replace(self.runtime.predict(table), warnings=warnings)

    def score_arrow(
        self, batch: pa.RecordBatch, *, prefix: str = "", errors: str | None = None
    ) -> pa.RecordBatch:
        """The columns of a batch, unchanged, and after them the predictions, row by row.

        These are the columns that `podium score` adds to a Parquet file. A bundle is pickled as the
        path and the digest of its file, so that this method can be given to an engine whose workers
        have the file at the same path; where another bundle is there, they refuse it.

        Args:
            batch: its columns are matched with the fields by name; it may have others. Of a column
                with a dictionary, each distinct value is checked once. A batch without rows shows
                the schema of the results.
            prefix: precedes the names of the predicted columns.
            errors: the name of one more column, which tells why rows were refused: a list of
                structs of `field`, `value`, `problem` and `accepted`, null for all other rows.

        Returns:
            As many rows; in those that were refused, the predicted columns are null.

        Raises:
            InputError: columns that the model needs are missing.
            SetupError: a column has the name of one to be added, or two have the same name.
            ModelError: the model fails on every row.
            MissingExtra: pyarrow isn't installed.
        """
        # By its name: what scores rows in bulk is built on bundles.
        scored: pa.RecordBatch = import_module("podium.scoring.batches").score_batch(
            self, batch, prefix=prefix, errors=errors
        )
        return scored

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is None:
            raise SetupError(
                f"{self.name} is in no file, so that no other process can load it",
                hint="pack it to a path, and load it from there",
            )
        return _reopened, (str(self.path.absolute()), self.digest, tuple(self._trust))

    def _runtime_of(self, part: ModelPart) -> Runtime:
        return runtime_of(part, self.signature, self.name, self._trust, self.card.libraries)

    def __repr__(self) -> str:
        return f"<Bundle {self.name!r} version {self.version!r}, {self.runtime_name}>"


def load(path: str | Path, *, trust: str | Sequence[str] = ()) -> Bundle:
    """Load a bundle from its file; every byte is verified before anything is parsed.

    Args:
        path: of the `.podium` file.
        trust: `sha256:...` digests of pickles that may be loaded; needed only by bundles whose
            model no safe format could hold.

    Raises:
        BundleError: the file isn't a bundle, or was changed after packing; see its subclasses.
    """
    allowed = (trust,) if isinstance(trust, str) else trust
    path = Path(path)
    return Bundle(read_archive(path), path, [parse_trust(one) for one in allowed])


def _reopened(path: str, digest: str, trust: Collection[str]) -> Bundle:
    """A bundle in another process.

    Raises:
        BundleError: as `load`, or there is another bundle by now.
    """
    bundle = Bundle(read_archive(Path(path)), Path(path), trust)
    if bundle.digest != digest:
        raise BundleError(
            f"{path} isn't the bundle that was sent here: its digest is {bundle.digest[:12]}..., "
            f"not {digest[:12]}...",
            hint="give each version a file of its own, the same on every machine",
        )
    return bundle


_DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    "signature.json": msgspec.json.Decoder(Signature),
    "card.json": msgspec.json.Decoder(Card),
    "background.json": msgspec.json.Decoder(Background),
    "baseline.json": msgspec.json.Decoder(Baseline),
    "importance.json": msgspec.json.Decoder(Importance),
    "compilation.json": msgspec.json.Decoder(Compilation),
}


def _part(archive: Archive, name: str) -> Any:
    try:
        return _DECODERS[name].decode(archive.part(name))
    except (msgspec.DecodeError, KeyError) as error:
        raise BundleError(f"{name} of the bundle can't be read: {error}") from error
