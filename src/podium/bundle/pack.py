"""A fitted model, and what its data tells, packed into one file."""

from __future__ import annotations

import datetime as dt
import platform
import re
from collections.abc import Collection, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from podium.bundle.archive import write_archive
from podium.bundle.baseline import Baseline, baseline_of
from podium.bundle.bundle import Bundle, load
from podium.bundle.card import Card, Metric
from podium.bundle.metrics import measure
from podium.bundle.model_part import ModelPart, runtime_of
from podium.bundle.subject import Subject, subject_of
from podium.bundle.truth import Truth, truth_of
from podium.errors import SetupError
from podium.runtimes.protocol import Runtime
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.correct import corrected
from podium.table import Outputs, Table

# What a name may hold: it becomes a part of addresses and of a file's name.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LIBRARIES = (
    "catboost",
    "keras",
    "lightgbm",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "podium",
    "polars",
    "scikit-learn",
    "scipy",
    "skops",
    "torch",
    "xgboost",
)


def pack(
    model: object,
    X: object = None,  # noqa: N803 - as everyone calls it
    y: object = None,
    *,
    name: str,
    path: str | Path | None = None,
    version: str | None = None,
    title: str = "",
    description: str = "",
    target: str | None = None,
    holdout: tuple[object, object] | None = None,
    signature: str | Path | Mapping[str, Any] | Signature | None = None,
    limits: Sequence[str] = (),
    trust: str | Collection[str] = (),
    code: str | None = None,
    compiles: bool = True,
    keep_original: bool = False,
) -> Bundle:
    """Pack a model into a bundle.

    Args:
        model: a fitted estimator, a module of PyTorch or model of Keras, a function made with
            `@podium.model`, or the path of a skops, ONNX, safetensors, joblib or pickle file.
        X: the rows it was fitted on, n_rows of them: a pandas or polars frame, a numpy array, a
            list of dicts or a dict of columns; for a model of texts a series or list of them. The
            signature and the baseline come from them.
        y: what is true of these rows, shape (n_rows,) or (n_rows, n_outputs). Metrics are measured
            on them unless there is a holdout.
        name: letters, digits, `.`, `_` and `-`; it becomes a part of addresses.
        path: where to write, `NAME.podium` in the current folder when left out; a folder will do.
        version: of the model; the time of packing when left out.
        title: what people read instead of the name.
        description: what the model does, in a sentence or two.
        target: the name of what is predicted; that of `y` when left out.
        holdout: rows and truths that the model hasn't seen, for honest metrics.
        signature: what corrects the inferred one, as a TOML file or a mapping of the same form
            (`{"fields": [{"name": "age", "unit": "years"}]}`); or a whole signature.
        limits: what a user must know before they trust an answer.
        trust: `sha256:...` of a pickle or joblib file, to allow that its code runs; or of the file
            that `code` names.
        code: `module:Class` or `file.py:Class`, which makes the network whose weights a safetensors
            file holds.
        compiles: make a program of a fitted estimator, if one answers as it does; the bundle then
            needs neither the estimator nor its library.
        keep_original: put the estimator beside its program.

    Returns:
        The bundle, loaded from the file that was written.

    Raises:
        SetupError: the model, the rows or a name can't be used.
        UntrustedModel: `model` is a pickle or joblib file that isn't trusted, or needs code that
            isn't.
    """
    if not NAME.fullmatch(name):
        raise SetupError(
            f"{name!r} can't be the name of a model",
            hint="use up to 64 letters, digits, dots, dashes and underscores, "
            "with a letter or a digit first",
        )
    table = None if X is None else Table.of(X)
    truth = truth_of(y, target, table.n_rows if table is not None else 0)
    subject = subject_of(
        model,
        table,
        truth,
        trust,
        signature,
        code=code,
        compiles=compiles,
        keep_original=keep_original,
    )
    known = subject.signature
    if signature is not None and not isinstance(signature, Signature):
        said = signature if isinstance(signature, Mapping) else Path(signature)
        known = corrected(known, said)
    part = subject.part(known)
    runtime = runtime_of(part, known, name, _own_trust(part))
    if part.runtime != "program":  # a program was verified more thoroughly already
        _check_same(subject, runtime, table)

    outputs = None if table is None else runtime.predict(_clean(known, table))
    baseline = Baseline()
    if table is not None and outputs is not None:
        baseline = baseline_of(known, _clean(known, table), outputs.predictions)
    metrics, n_metric_rows = _metrics(known, runtime, outputs, truth, holdout)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    card = Card(
        name=name,
        version=version or now.strftime("%Y%m%d-%H%M%S"),
        title=title or subject.title,
        description=description or subject.description,
        model=subject.words,
        created=now.isoformat().replace("+00:00", "Z"),
        python=platform.python_version(),
        libraries=_library_versions(),
        n_rows=table.n_rows if table is not None else 0,
        metrics=metrics,
        n_metric_rows=n_metric_rows,
        metrics_on="holdout" if holdout is not None else "unknown",
        limits=tuple(limits),
    )
    file = _write(path, card, known, baseline, part)
    return load(file, trust=[f"sha256:{digest}" for digest in _own_trust(part)])


def _clean(signature: Signature, table: Table) -> Table:
    """Training rows as the signature has them; nobody is refused here."""
    columns = {name: table.columns[name] for name in signature.names if name in table.columns}
    return check_columns(signature, columns, table.n_rows, "values", Findings(kept_max=0))


def _check_same(subject: Subject, runtime: Runtime, table: Table | None) -> None:
    """Refuse to pack a model that answers otherwise once it is saved and loaded."""
    if subject.live is None or table is None:
        return
    sample = _clean(runtime.signature, table.take(slice(0, 1_000)))
    alive, loaded = subject.live(runtime.signature).predict(sample), runtime.predict(sample)
    if not _same(alive, loaded):
        raise SetupError(
            "the model answers otherwise after it is saved and loaded again",
            hint="is it random at prediction, or does it keep a state outside its attributes?",
        )


def _same(one: Outputs, other: Outputs) -> bool:
    import numpy as np

    if one.predictions.dtype.kind == "f":
        same = np.allclose(one.predictions, other.predictions, rtol=1e-9, equal_nan=True)
    else:
        same = bool((one.predictions == other.predictions).all())
    if one.probabilities is None or other.probabilities is None:
        return same and one.probabilities is other.probabilities
    return same and np.allclose(one.probabilities, other.probabilities, rtol=1e-9)


def _metrics(
    signature: Signature,
    runtime: Runtime,
    outputs: Outputs | None,
    truth: Truth | None,
    holdout: tuple[object, object] | None,
) -> tuple[tuple[Metric, ...], int]:
    """The figures on the holdout, or else on the rows given; and the number of those rows."""
    if len(signature.outputs) > 1:
        return (), 0
    if holdout is not None:
        table = _clean(signature, Table.of(holdout[0], names=signature.names))
        truth = truth_of(holdout[1], None, table.n_rows)
        outputs = runtime.predict(table)
    if outputs is None or truth is None:
        return (), 0
    known = truth.known
    answered = Outputs(
        outputs.predictions[known],
        None if outputs.probabilities is None else outputs.probabilities[known],
    )
    return measure(signature.output, answered, truth.columns[0][known]), int(known.sum())


def _write(
    path: str | Path | None, card: Card, signature: Signature, baseline: Baseline, part: ModelPart
) -> Path:
    file = Path(path) if path is not None else Path(f"{card.name}.podium")
    if file.is_dir():
        file /= f"{card.name}.podium"
    write_archive(
        file,
        name=card.name,
        version=card.version,
        created=card.created,
        runtime=part.runtime,
        podium=metadata.version("podium"),
        requires=part.requires,
        options=part.options,
        parts={
            "signature.json": msgspec.json.encode(signature),
            "card.json": msgspec.json.encode(card),
            "baseline.json": msgspec.json.encode(baseline),
            **_compilation(part),
            **part.files,
        },
    )
    return file


def _compilation(part: ModelPart) -> dict[str, bytes]:
    if part.compilation is None:
        return {}
    return {"compilation.json": msgspec.json.encode(part.compilation)}


def _own_trust(part: ModelPart) -> tuple[str, ...]:
    """What we pickled ourselves a moment ago may be loaded again."""
    return (str(part.options["sha256"]),) if part.runtime == "pickle" else ()


def _library_versions() -> dict[str, str]:
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return versions
