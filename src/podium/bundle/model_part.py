"""The model inside a bundle: how it goes in, and how it comes out again."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Collection
from typing import Any

import msgspec

from podium.bundle.archive import Archive
from podium.bundle.compilation import Compilation, compilation_of
from podium.bundle.graph import graph_in_place
from podium.bundle.trust import bytes_digest, require_trust
from podium.errors import BundleError, SetupError
from podium.plugins import needs
from podium.program import Program
from podium.runtimes.frames import frame_for
from podium.runtimes.onnx import OnnxRuntime, graph_answers
from podium.runtimes.onnx_answers import LINKS, Link, link_of
from podium.runtimes.protocol import Runtime
from podium.runtimes.signatures import SAMPLE_ROWS
from podium.runtimes.sklearn import SklearnRuntime
from podium.signature import Signature
from podium.signature.cells import Findings, check_columns
from podium.table import Table

# Types that skops doesn't list, though nearly every fitted forest, encoder or neighbours model
# holds some. Making one of them runs no code that comes from the file.
KNOWN_TYPES = (
    "numpy.dtype",
    "sklearn._loss.",
    "sklearn.calibration.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "sklearn.gaussian_process.",
    "sklearn.metrics._dist_metrics.",
    "sklearn.neighbors._ball_tree.",
    "sklearn.neighbors._kd_tree.",
    "sklearn.neural_network._stochastic_optimizers.",
    "sklearn.tree._tree.Tree",
)

# The files of the model inside a bundle.
FOLDER = "model/"
ORIGINAL = "original/"
SKOPS = FOLDER + "estimator.skops"
PICKLE = FOLDER + "estimator.pickle"
ONNX = FOLDER + "graph.onnx"
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class ModelPart(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the files of a bundle.

    Attributes:
        runtime: which runtime runs it.
        files: contents by name.
        requires: the extras that serving it needs.
        options: small facts for the runtime.
        compilation: what came of compiling, where that was tried.
    """

    runtime: str
    files: dict[str, bytes]
    requires: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    compilation: Compilation | None = None


def compiled_part(
    estimator: Any, signature: Signature, sample: Table, *, keep_original: bool
) -> ModelPart:
    """A fitted estimator as a program, where one answers as it does; else as an ONNX graph that
    does, or as it is.

    Args:
        sample: rows of the training data, as the signature has them.
        keep_original: put the estimator beside its program.

    Raises:
        MissingExtra: it can't be compiled, and skops isn't installed.
        SetupError: it can't be compiled, nor saved.
    """
    from podium.compile import compile_model  # a server never needs it

    original = SklearnRuntime(estimator, signature)
    compiled = compile_model(
        estimator,
        signature,
        sample,
        original=original.predict,
        frame=lambda table: frame_for(signature, table),
    )
    found = compilation_of(compiled)
    if compiled.program is not None:
        files = {FOLDER + name: content for name, content in compiled.program.parts().items()}
        part = ModelPart(runtime="program", files=files, compilation=found)
        return _with_original(part, estimator, signature) if keep_original else part
    content, graph = None, None
    if compiled.verification is None:  # an original that its program differs from may be random
        content, graph = graph_in_place(estimator, signature, original.predict, sample)
    found = msgspec.structs.replace(found, graph=graph)
    if content is None:
        part = estimator_part(estimator, signature.frame)
        return msgspec.structs.replace(part, compilation=found)
    part = ModelPart(runtime="onnx", files={ONNX: content}, requires=("onnx",), compilation=found)
    return _with_original(part, estimator, signature) if keep_original else part


def _with_original(part: ModelPart, estimator: Any, signature: Signature) -> ModelPart:
    beside = estimator_part(estimator, signature.frame)
    files = {_beside(name): content for name, content in beside.files.items()}
    options = {"original": {"runtime": beside.runtime, "options": beside.options}}
    return msgspec.structs.replace(part, files=part.files | files, options=part.options | options)


def _beside(name: str) -> str:
    return ORIGINAL + name.removeprefix(FOLDER)


def original_of_archive(archive: Archive) -> ModelPart | None:
    """The estimator that was kept beside its program; None where there is none."""
    kept = archive.manifest.options.get("original")
    if kept is None:
        return None
    names = [name for name in archive.names if name.startswith(ORIGINAL)]
    files = {FOLDER + name.removeprefix(ORIGINAL): archive.part(name) for name in names}
    return ModelPart(runtime=str(kept["runtime"]), files=files, options=kept["options"])


def graph_part(content: bytes, signature: Signature, sample: Table | None) -> ModelPart:
    """An ONNX graph, and how its numbers become what the signature says.

    Args:
        sample: rows of the training data: without them its numbers are taken as they are.

    Raises:
        SetupError: the graph's answers don't fit the signature.
    """
    link: Link = ""
    if sample is not None:
        some = check_columns(
            signature, sample.columns, sample.n_rows, "values", Findings(kept_max=0)
        ).take(slice(0, SAMPLE_ROWS))
        link = link_of(graph_answers(content, signature.fields, some), signature.output)
    options = {"link": link} if link else {}
    return ModelPart(runtime="onnx", files={ONNX: content}, requires=("onnx",), options=options)


def estimator_part(estimator: Any, frame: str | None) -> ModelPart:
    """A fitted estimator as skops where skops can hold it, else as a pickle with its digest.

    Raises:
        MissingExtra: skops isn't installed.
        SetupError: it can't be pickled either.
    """
    with needs("sklearn"):
        import skops.io
    requires = ("sklearn",) if frame in (None, "numpy") else ("sklearn", frame)
    try:
        content = skops.io.dumps(estimator)
        if not unknown_types(content):
            return ModelPart(runtime="skops", files={SKOPS: content}, requires=requires)
        why = f"skops doesn't know {', '.join(unknown_types(content)[:3])}"
    except Exception as error:  # noqa: BLE001 - skops meets the user's own classes here
        why = f"skops can't hold it: {type(error).__name__}"
    buffer = io.BytesIO()
    try:
        pickle.dump(estimator, buffer, protocol=5)
    except Exception as error:
        raise SetupError(
            f"{type(estimator).__name__} can't be saved: {why}, and pickle says: {error}",
            hint="lambdas and local classes can't be saved: move them to a module",
        ) from error
    content = buffer.getvalue()
    options = {"sha256": bytes_digest(content), "why": why}
    return ModelPart(runtime="pickle", files={PICKLE: content}, requires=requires, options=options)


def part_of_archive(archive: Archive) -> ModelPart:
    """The model part of a bundle."""
    manifest = archive.manifest
    return ModelPart(
        runtime=manifest.runtime,
        files={name: archive.part(name) for name in archive.names if name.startswith(FOLDER)},
        requires=manifest.requires,
        options=manifest.options,
    )


def runtime_of(part: ModelPart, signature: Signature, name: str, trust: Collection[str]) -> Runtime:
    """What runs a model part.

    Args:
        name: of the model, for errors.
        trust: SHA-256 digests, in hex, of the pickles that may be loaded.

    Raises:
        UntrustedModel: it is a pickle that isn't trusted.
        MissingExtra: a library that it needs isn't installed.
        BundleError: the runtime is unknown, or its files are damaged.
    """
    try:
        if part.runtime == "program":
            parts = {name.removeprefix(FOLDER): part.files[name] for name in part.files}
            return Program.load(parts, signature)
        if part.runtime == "skops":
            return SklearnRuntime(load_skops(part.files[SKOPS]), signature)
        if part.runtime == "pickle":
            return SklearnRuntime(load_pickle(part.files[PICKLE], name, trust), signature)
        if part.runtime == "onnx":
            link = part.options.get("link", "")
            if link not in LINKS:
                raise BundleError(f"the bundle of {name} names no link: {str(link)[:100]!r}")
            return OnnxRuntime(part.files[ONNX], signature, link)
        if part.runtime == "python":
            from podium.runtimes.python import load_function

            return load_function(_import_path(str(part.options["function"]), name))
    except KeyError as error:
        raise BundleError(f"the bundle of {name} lacks {error}") from error
    raise BundleError(
        f"the bundle of {name} asks for the runtime {part.runtime!r}, which this Podium lacks",
        hint="update Podium",
    )


def _import_path(path: str, name: str) -> str:
    """The path, if it names a module: a bundle from elsewhere must not name a file to run."""
    if not IMPORT_PATH.fullmatch(path) or path.partition(":")[0].endswith(".py"):
        raise BundleError(f"the bundle of {name} names no module and function: {path[:100]!r}")
    return path


def load_skops(content: bytes) -> Any:
    """The estimator of a skops file that holds known types only.

    Raises:
        MissingExtra: skops or scikit-learn isn't installed.
        SetupError: it holds types that aren't known, or can't be read.
    """
    with needs("sklearn"):
        import skops.io
    unknown = unknown_types(content)
    if unknown:
        raise SetupError(
            f"the skops file holds types that aren't known to be harmless: {', '.join(unknown[:5])}",
            hint="pack the estimator in the script that trains it, with podium.pack(model, X, ...)",
        )
    try:
        return skops.io.loads(content, trusted=_types(content))
    except Exception as error:
        raise BundleError(f"the skops file can't be loaded: {str(error)[:300]}") from error


def load_pickle(content: bytes, what: str, trust: Collection[str]) -> Any:
    """The estimator of a pickle or joblib file whose digest is trusted.

    Raises:
        UntrustedModel: it isn't.
        MissingExtra: a module that it needs isn't installed.
    """
    require_trust(bytes_digest(content), what, trust)
    try:
        try:
            import joblib
        except ModuleNotFoundError:
            return pickle.loads(content)  # noqa: S301 - the operator named its digest
        return joblib.load(io.BytesIO(content))
    except ModuleNotFoundError as error:
        raise SetupError(
            f"{what} needs the module {error.name}, which isn't installed",
            hint=f"install it, or run where it can be imported: pip install {error.name}",
        ) from error
    except Exception as error:
        raise BundleError(
            f"{what} can't be unpickled: {type(error).__name__}: {str(error)[:300]}",
            hint="load it with the library versions that wrote it",
        ) from error


def unknown_types(content: bytes) -> list[str]:
    """The types in a skops file that neither skops nor Podium knows to be harmless."""
    return [name for name in _types(content) if not name.startswith(KNOWN_TYPES)]


def _types(content: bytes) -> list[str]:
    import skops.io

    try:
        return list(skops.io.get_untrusted_types(data=content))
    except Exception as error:
        raise BundleError(f"the skops file can't be read: {str(error)[:300]}") from error
