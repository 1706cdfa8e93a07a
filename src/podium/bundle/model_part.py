"""The model inside a bundle: how it is written, and how it is opened."""

from __future__ import annotations

import io
import pickle
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from podium.bundle.archive import Archive
from podium.bundle.compilation import Compilation, compilation_of
from podium.bundle.graph import graph_in_place
from podium.bundle.libraries import extras_of, packages_of
from podium.bundle.pickles import PICKLE
from podium.bundle.references import MOVE_HINT, references_of
from podium.bundle.runtimes import open_runtime
from podium.bundle.skops_file import SKOPS, skops_of
from podium.bundle.trust import bytes_digest
from podium.errors import BundleError, SetupError
from podium.runtimes.frames import frame_for
from podium.runtimes.onnx import GRAPH, graph_outputs
from podium.runtimes.onnx_outputs import Link, link_of
from podium.runtimes.packed import PackedModel
from podium.runtimes.protocol import Runtime
from podium.runtimes.signatures import SAMPLE_ROWS
from podium.runtimes.sklearn import SklearnRuntime
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.table import Table

# The files of the model inside a bundle.
FOLDER = "model/"
ORIGINAL = "original/"


class ModelPart(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the files of a bundle.

    Attributes:
        runtime: the name of its runtime.
        files: contents by name. A bundle stores them in the folder `model/`.
        requires: the extras that serving it needs.
        options: small values for the runtime.
        compilation: the result of compiling, if that was tried.
        modules: top-level ones, of the libraries that the model was created with and runs in; the
            card has their versions.
    """

    runtime: str
    files: dict[str, bytes]
    requires: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    compilation: Compilation | None = None
    modules: tuple[str, ...] = ()


def compiled_part(
    estimator: Any, signature: Signature, sample: Table, *, keep_original: bool
) -> ModelPart:
    """A fitted estimator as a program or ONNX graph that predicts like it; else as it is.

    Args:
        sample: rows of the training data, in the form of the signature.
        keep_original: whether to pack the estimator beside its program, too.

    Raises:
        MissingExtra: it can't be compiled, and skops isn't installed.
        SetupError: it can't be compiled, nor saved.
    """
    from podium.compile import compile_model, unchanged  # a server never needs it

    original = SklearnRuntime(estimator, signature)
    with unchanged(estimator):
        compiled = compile_model(
            estimator,
            signature,
            sample,
            original=original.predict,
            frame=lambda table: frame_for(signature, table),
        )
        content, graph = None, None
        if compiled.verification is None:  # an original that its program differs from may be random
            content, graph = graph_in_place(estimator, signature, original.predict, sample)
    compilation = msgspec.structs.replace(compilation_of(compiled), graph=graph)
    if compiled.program is not None:
        files = {FOLDER + name: content for name, content in compiled.program.parts().items()}
        part = ModelPart(runtime="program", files=files, compilation=compilation)
        return _complete(part, estimator, signature, keep_original=keep_original)
    if content is None:
        part = _original_part(estimator, signature.frame, compiled.why)
        return msgspec.structs.replace(part, compilation=compilation)
    part = ModelPart(
        runtime="onnx", files={FOLDER + GRAPH: content}, requires=("onnx",), compilation=compilation
    )
    return _complete(part, estimator, signature, keep_original=keep_original)


def _original_part(estimator: Any, frame: str | None, why: str) -> ModelPart:
    """The estimator as it is; if it can't be packed, the error says why it isn't compiled either."""
    try:
        return estimator_part(estimator, frame)
    except SetupError as error:
        if why:
            error.hint = (
                f"compiled it wouldn't need that, but it doesn't compile: {why}\n{error.hint}"
            )
        raise


def _complete(
    part: ModelPart, estimator: Any, signature: Signature, *, keep_original: bool
) -> ModelPart:
    """The part with its modules, and with the original estimator if it is to be included."""
    runtime_modules = ("onnxruntime",) if part.runtime == "onnx" else ()
    if not keep_original:
        return msgspec.structs.replace(
            part, modules=references_of(estimator).modules + runtime_modules
        )
    beside = estimator_part(estimator, signature.frame)
    files = {_beside(name): content for name, content in beside.files.items()}
    options = {"original": {"runtime": beside.runtime, "options": beside.options}}
    return msgspec.structs.replace(
        part,
        files=part.files | files,
        options=part.options | options,
        modules=beside.modules + runtime_modules,
    )


def _beside(name: str) -> str:
    return ORIGINAL + name.removeprefix(FOLDER)


def original_of_archive(archive: Archive) -> ModelPart | None:
    """The original estimator that is stored beside its program; None if there is none."""
    original = archive.manifest.options.get("original")
    if original is None:
        return None
    names = [name for name in archive.names if name.startswith(ORIGINAL)]
    files = {FOLDER + name.removeprefix(ORIGINAL): archive.part(name) for name in names}
    return ModelPart(runtime=str(original["runtime"]), files=files, options=original["options"])


def graph_part(content: bytes, signature: Signature, sample: Table | None) -> ModelPart:
    """An ONNX graph, and how its tensors become the outputs of the signature.

    Args:
        sample: rows of the training data: without them its numbers are used as they are.

    Raises:
        SetupError: the graph's outputs don't match the signature.
    """
    link: Link = ""
    if sample is not None:
        some = check_columns(
            signature, sample.columns, sample.n_rows, "table", Findings(recorded_max=0)
        ).take(slice(0, SAMPLE_ROWS))
        link = link_of(graph_outputs(content, signature.fields, some), signature.output)
    options = {"link": link} if link else {}
    return ModelPart(
        runtime="onnx",
        files={FOLDER + GRAPH: content},
        requires=("onnx",),
        options=options,
        modules=("onnxruntime",),
    )


def estimator_part(estimator: Any, frame: str | None) -> ModelPart:
    """A fitted estimator as skops if that can hold it, else as a pickle with its digest.

    Raises:
        MissingExtra: skops isn't installed.
        SetupError: it uses classes or functions that can't be imported elsewhere, or can't be
            pickled either.
    """
    references = references_of(estimator)
    references.require_reachable()
    modules = (
        references.modules if frame not in ("pandas", "polars") else (*references.modules, frame)
    )
    try:
        return ModelPart(
            runtime="skops",
            files={FOLDER + SKOPS: skops_of(estimator)},
            requires=extras_of((*modules, "sklearn")),
            modules=modules,
        )
    except BundleError as error:
        why = error.message
    buffer = io.BytesIO()
    try:
        pickle.dump(estimator, buffer, protocol=5)
    except Exception as error:
        raise SetupError(
            f"{type(estimator).__name__} can't be saved: {why}, and pickle says: {error}",
            hint=f"if it uses a function or class of yours, {MOVE_HINT}",
        ) from error
    content = buffer.getvalue()
    options: dict[str, Any] = {"sha256": bytes_digest(content), "why": why}
    if packages := packages_of(modules):
        options["packages"] = packages
    return ModelPart(
        runtime="pickle",
        files={FOLDER + PICKLE: content},
        requires=extras_of(modules),
        options=options,
        modules=modules,
    )


def part_of_archive(archive: Archive) -> ModelPart:
    """The model part of a bundle."""
    manifest = archive.manifest
    return ModelPart(
        runtime=manifest.runtime,
        files={name: archive.part(name) for name in archive.names if name.startswith(FOLDER)},
        requires=manifest.requires,
        options=manifest.options,
    )


def runtime_of(
    part: ModelPart,
    signature: Signature,
    name: str,
    trust: Collection[str],
    libraries: Mapping[str, str] | None = None,
) -> Runtime:
    """The runtime for a model part.

    Args:
        name: of the model, for errors.
        trust: SHA-256 digests, in hex, of the pickles that may be loaded.
        libraries: versions that it was packed with, by distribution.

    Raises:
        UntrustedModel: it is a pickle that isn't trusted.
        MissingExtra: a library that it needs isn't installed.
        BundleError: the runtime is unknown, or its files are damaged.
    """
    packed = PackedModel(
        name=name,
        signature=signature,
        files={file.removeprefix(FOLDER): content for file, content in part.files.items()},
        options=part.options,
        requires=part.requires,
        libraries=libraries or {},
        trust=trust,
    )
    return open_runtime(part.runtime, packed)
