"""Packs a fitted model and facts about its data into one file."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from podium.bundle.archive import write_archive
from podium.bundle.background import ROWS, Background, background_of, check_n_rows
from podium.bundle.baseline import Baseline, baseline_of
from podium.bundle.bundle import Bundle, load
from podium.bundle.card import Card
from podium.bundle.importance import Importance
from podium.bundle.libraries import undistributed, versions_of
from podium.bundle.manifest import MODEL_NAME
from podium.bundle.model_part import ModelPart
from podium.distribution import version as version_of_podium
from podium.errors import BundleError, SetupError
from podium.outputs import Outputs
from podium.packing.boosters import Rounds
from podium.packing.clusters import with_distances
from podium.packing.columns import not_using, unused_by, unused_note
from podium.packing.errors_of import Judged
from podium.packing.folds import Folds, on_folds
from podium.packing.importance import importance_of
from podium.packing.owner import clean
from podium.packing.periods import hours_of, with_spreads
from podium.packing.quality import Quality, holdout_rows, on_holdout, quality
from podium.packing.served import served, trusted_digests
from podium.packing.stages import Stages, terminal
from podium.packing.statistical import complete_rows
from podium.packing.subject import Subject, subject_of
from podium.packing.truth import Truth, truth_of
from podium.program import Program
from podium.runtimes.protocol import Runtime
from podium.signature import Signature
from podium.signature.correct import corrected
from podium.table import Table


def pack(
    model: object,
    X: object = None,  # noqa: N803 - as everyone names it
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
    notes: Sequence[str] = (),
    trust: str | Collection[str] = (),
    code: str | None = None,
    compiles: bool = True,
    keep_original: bool = False,
    rounds: Rounds = None,
    intervals: float | None = None,
    distances: bool | None = None,
    cv: Any = None,
    groups: object = None,
    sample_weight: object = None,
    background: int = ROWS,
    importance: bool = True,
    times: object = None,
) -> Bundle:
    """Pack a model into a bundle.

    Args:
        model: a fitted estimator; several of the same rows by name, such as `{"low": ..., "high": ...}`,
            each of which becomes an output; a module of PyTorch or model of Keras, a function made
            with `@podium.model`, the path of a skops, ONNX, safetensors, joblib or pickle file, or a
            `ModelPart` with the files for another package's runtime.
        X: the rows it was fitted on, n_rows of them: a pandas or polars frame, a numpy array, a
            list of dicts or a dict of columns; for a model of texts a series or list of them. The
            signature and the baseline come from them.
        y: the target of these rows, shape (n_rows,) or (n_rows, n_outputs). Metrics are measured
            on them unless there is a holdout.
        name: letters, digits, `.`, `_` and `-`; it becomes a part of URLs.
        path: the file or folder to write to; by default `NAME.podium` in the current folder.
        version: of the model; the time of packing by default.
        title: shown instead of the name.
        description: what the model does, in a sentence or two.
        target: the name of the target; that of `y` by default.
        holdout: held-out rows and their targets, for the metrics.
        signature: corrections of the inferred one, as a TOML file or a mapping of the same form
            (`{"fields": [{"name": "age", "unit": "years"}]}`); or a whole signature.
        limits: what users must know before they rely on a prediction.
        notes: what else the card tells, in sentences.
        trust: `sha256:...` of a pickle or joblib file, to allow that its code runs; or of the file
            that `code` names.
        code: `module:Class` or `file.py:Class`, the class of the network whose weights a safetensors
            file contains.
        compiles: compile a fitted estimator to a program, if both agree; the bundle then
            needs neither the estimator nor its library.
        keep_original: also pack the estimator beside its program.
        rounds: how many rounds of a booster are used: `"all"`, up to the `"best"`, or a number.
            By default as the object itself predicts.
        intervals: the share of cases, such as 0.95, that the intervals of a model of statsmodels hold:
            their bounds become outputs beside the prediction, as in `summary_frame`. Of a model of
            MAPIE, one of its confidence levels; of a linear GAM of pygam or a regressor of ngboost, the
            share of new observations.
        distances: whether each prediction of a model of clusters has the distances to all of them; by
            default of up to 100.
        cv: the number of folds, or a scikit-learn splitter, to evaluate copies of the estimator on rows
            that each wasn't trained on, where no rows can be held out.
        groups: of the rows; `cv` keeps each group in one fold.
        sample_weight: of the rows; `cv` trains with them.
        background: how many of the rows the bundle keeps, with which explanations compare other
            rows; 0 where training rows may not travel.
        importance: measure what matters to the model, which takes a second at most.
        times: of the rows, shape (n_rows,). How far their hours, days and weeks lie apart raises the
            thresholds of drift.

    Returns:
        The bundle, loaded from the file that was written.

    Raises:
        SetupError: the model, the rows or a name is invalid.
        UntrustedModel: `model` is a pickle or joblib file that isn't trusted, or needs code that
            isn't.
    """
    from podium.compile import unchanged  # a server never needs it

    if not MODEL_NAME.fullmatch(name):
        raise SetupError(
            f"{name!r} can't be the name of a model",
            hint="use up to 64 letters, digits, dots, dashes and underscores, "
            "with a letter or a digit first",
        )
    check_n_rows(background)
    if cv is not None and holdout is not None:
        raise SetupError("pass either holdout or cv, not both")
    X, y, times, left_out = _complete(model, X, y, times)  # noqa: N806
    if holdout is not None:
        holdout = _complete(model, *holdout, None)[:2]
    with Stages(terminal()) as at, unchanged(model):
        at("reading the rows, and running the model")
        given = None if X is None else Table.of(X)
        n_rows = 0 if given is None else given.n_rows
        truth = truth_of(y, target, n_rows)
        hours = None if times is None else hours_of(times, n_rows)
        subject = subject_of(
            model,
            X,
            given,
            truth,
            trust,
            signature,
            code=code,
            compiles=compiles,
            keep_original=keep_original,
            rounds=rounds,
            intervals=intervals,
        )
        corrections = None
        if not isinstance(signature, Signature):
            corrections = signature
            subject = replace(subject, signature=with_distances(subject.signature, distances))
        corrected_signature = _corrected(subject.signature, corrections)
        at("compiling, and comparing with the model")
        part, runtime, table, outputs = served(subject, corrected_signature, name)
        if not isinstance(signature, Signature):
            corrected_signature = _corrected(_mark_unused(subject, runtime), corrections)
        at("describing the rows")
        baseline, kept = Baseline(), None
        if table is not None and outputs is not None:
            baseline = baseline_of(corrected_signature, table, outputs)
            if hours is not None:
                baseline = with_spreads(baseline, corrected_signature, table, outputs, hours)
            kept = background_of(corrected_signature, table, background)
        if cv is not None and not subject.unmeasured:
            folds = Folds(cv, y, groups, sample_weight)
            measured = on_folds(subject.owner, corrected_signature, truth, folds, at)
        else:
            measured = _measured(
                subject, corrected_signature, runtime, holdout, target, truth, outputs
            )
        thresholds = [
            one.threshold.sentence
            for one in corrected_signature.outputs
            if one.threshold is not None
        ]
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        card = Card(
            name=name,
            version=version or now.strftime("%Y%m%d-%H%M%S"),
            title=title or subject.title,
            description=description or subject.description,
            model=subject.words,
            created=now.isoformat().replace("+00:00", "Z"),
            python=platform.python_version(),
            libraries=versions_of((*part.modules, "numpy", "podium")),
            n_rows=table.n_rows if table is not None else 0,
            metrics=measured.metrics,
            n_metric_rows=measured.n_rows,
            metrics_on=measured.on,
            n_folds=measured.n_folds,
            limits=tuple(limits),
            notes=(
                *notes,
                *left_out,
                *subject.notes,
                *_undistributed_note(part),
                *thresholds,
                *measured.notes,
                *unused_note(corrected_signature),
            ),
        )
        matters = None
        if importance and table is not None and outputs is not None and cv is None:
            at("measuring what matters")
            judged = (
                None
                if subject.unmeasured
                else _judged(corrected_signature, runtime, holdout, target, truth, (table, outputs))
            )
            rows = None if kept is None else kept.table(corrected_signature)
            matters = importance_of(
                corrected_signature,
                runtime,
                clean(corrected_signature, table),
                baseline,
                rows,
                judged,
            )
        at("writing, and opening it again")
        file = _write(path, card, corrected_signature, baseline, kept, matters, part)
        return load(file, trust=[f"sha256:{digest}" for digest in trusted_digests(part)])


def _complete(
    model: object, rows: Any, y: Any, times: Any
) -> tuple[Any, Any, Any, tuple[str, ...]]:
    """The rows, their targets and times without those that a statistical model can't predict."""
    complete = complete_rows(model, rows)
    if complete is None:
        return rows, y, times, ()
    others = [
        one[complete] if getattr(one, "shape", ())[:1] == complete.shape else one
        for one in (y, times)
    ]
    n_lacking = int((~complete).sum())
    note = (
        f"{n_lacking:,} of {len(complete):,} rows lack a value and were left out, as in training."
    )
    return rows[complete], *others, (note,)


def _measured(
    subject: Subject,
    signature: Signature,
    runtime: Runtime,
    holdout: tuple[object, object] | None,
    target: str | None,
    truth: Truth | None,
    outputs: Outputs | None,
) -> Quality:
    """The metrics on held-out rows, or else on the given rows."""
    if subject.unmeasured and (truth is not None or holdout is not None):
        return Quality(notes=(f"Nothing was measured: {subject.unmeasured}.",))
    if holdout is not None:
        return on_holdout(signature, runtime, holdout, target)
    return Quality() if outputs is None else quality(signature, outputs, truth, "training")


def _judged(
    signature: Signature,
    runtime: Runtime,
    holdout: tuple[object, object] | None,
    target: str | None,
    truth: Truth | None,
    training: tuple[Table, Outputs],
) -> Judged | None:
    """The rows with known truth: held-out ones if there are any."""
    table, outputs, on = *training, "training"
    if holdout is not None:
        table, truth = holdout_rows(signature, holdout, target)
        outputs, on = runtime.predict(table), "holdout"
    truth = None if truth is None else truth.by_output(signature)
    if truth is None or truth.parts or len(truth.columns) != len(signature.outputs):
        return None
    labelled = [truth.labelled_rows(place) for place in range(len(truth.columns))]
    rows = np.flatnonzero(np.any(labelled, axis=0))
    if not len(rows):
        return None
    return Judged(clean(signature, table), outputs, truth.columns, on).take(rows)


def _corrected(
    signature: Signature, corrections: str | Path | Mapping[str, Any] | None
) -> Signature:
    if corrections is None:
        return signature
    return corrected(
        signature, corrections if isinstance(corrections, Mapping) else Path(corrections)
    )


def _mark_unused(subject: Subject, runtime: Runtime) -> Signature:
    """The signature with those fields marked that neither the model nor its runtime uses."""
    model = None if subject.owner is None else subject.owner.estimator
    unused = unused_by(model, runtime, subject.signature.names)
    return not_using(subject.signature, unused, are_free=isinstance(runtime, Program))


def _write(
    path: str | Path | None,
    card: Card,
    signature: Signature,
    baseline: Baseline,
    background: Background | None,
    matters: Importance | None,
    part: ModelPart,
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
        podium=version_of_podium(),
        requires=part.requires,
        options=part.options,
        parts={
            "signature.json": msgspec.json.encode(signature),
            "card.json": msgspec.json.encode(card),
            "baseline.json": msgspec.json.encode(baseline),
            **_optional("background.json", background),
            **_optional("importance.json", matters),
            **_optional("compilation.json", part.compilation),
            **part.files,
        },
        check=lambda written: _require_opens(written, part),
    )
    return file


def _require_opens(written: Path, part: ModelPart) -> None:
    """Check that the file opens; the model itself was already loaded from the same bytes.

    Raises:
        SetupError: it can't be opened.
    """
    try:
        bundle = load(written, trust=[f"sha256:{digest}" for digest in trusted_digests(part)])
        bundle.check_parts()
        if "original" in part.options:
            bundle.original()
    except BundleError as error:
        raise SetupError(
            f"the bundle can't be opened again, so nothing was written: {error.message}",
            hint="this is a bug in Podium: please report it with the type of the model",
        ) from error


def _undistributed_note(part: ModelPart) -> tuple[str, ...]:
    """A note on the modules that no installed package provides."""
    lost = undistributed(part.modules) if part.runtime == "pickle" else ()
    if not lost:
        return ()
    modules = f"module{'s' if len(lost) > 1 else ''} {', '.join(lost)}"
    belong = "belong" if len(lost) > 1 else "belongs"
    note = f"It needs the {modules}, which {belong} to no installed package: make it importable "
    return (f"{note}wherever the model is served.",)


def _optional(name: str, part: msgspec.Struct | None) -> dict[str, bytes]:
    return {} if part is None else {name: msgspec.json.encode(part)}
