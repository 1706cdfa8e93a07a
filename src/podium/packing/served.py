"""What a bundle contains: a program or graph that predicts like the model, or the model."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from podium.bundle.compilation import Compilation
from podium.bundle.model_part import ModelPart, runtime_of
from podium.errors import ModelError
from podium.outputs import Outputs
from podium.packing.owner import clean, refusal
from podium.packing.subject import Subject
from podium.runtimes.protocol import Runtime
from podium.signature import Signature
from podium.table import Table


class Served(NamedTuple):
    """A model part, its runtime, and the predictions for the passed rows.

    Attributes:
        table: these rows, as the signature has them.
    """

    part: ModelPart
    runtime: Runtime
    table: Table | None
    outputs: Outputs | None


def served(subject: Subject, signature: Signature, name: str) -> Served:
    """The part to put into the bundle, compared with the model that was passed.

    Raises:
        SetupError: even the model itself predicts differently once it is packed.
    """
    table = None if subject.table is None else clean(signature, subject.table)
    part = subject.part(signature)
    runtime = runtime_of(part, signature, name, trusted_digests(part))
    if subject.original is not None and part.runtime in ("program", "onnx"):
        why = subject.owner.check(runtime, signature) if subject.owner is not None else ""
        outputs = _predict(runtime, table)
        if not why and outputs is not None:
            return Served(part, runtime, table, outputs)
        why = why or "it refuses rows of the training data"
        part = _without_program(subject.original(signature), part.compilation, why)
        runtime = runtime_of(part, signature, name, trusted_digests(part))
    if subject.owner is not None:
        why = subject.owner.check(runtime, signature)
        if why:
            raise refusal(why, is_random=subject.owner.is_random(signature))
    return Served(part, runtime, table, None if table is None else runtime.predict(table))


def trusted_digests(part: ModelPart) -> tuple[str, ...]:
    """The digests to trust: a pickle that was written a moment ago may be loaded again."""
    beside = part.options.get("original", {})
    pickles = ((part.runtime, part.options), (beside.get("runtime"), beside.get("options")))
    return tuple(str(options["sha256"]) for runtime, options in pickles if runtime == "pickle")


def _predict(runtime: Runtime, table: Table | None) -> Outputs | None:
    try:
        return None if table is None else runtime.predict(table)
    except ModelError:
        return None


def _without_program(part: ModelPart, compilation: Compilation | None, why: str) -> ModelPart:
    """The original, and why its program isn't served."""
    why = f"what was packed predicts differently from the model that was passed: {why}"
    compilation = compilation if compilation is not None else Compilation(is_compiled=False)
    graph = compilation.graph
    if graph is not None and graph.is_used:
        graph = msgspec.structs.replace(graph, is_used=False, why=why)
    rejected = msgspec.structs.replace(compilation, is_compiled=False, why=why, graph=graph)
    return msgspec.structs.replace(part, compilation=rejected)
