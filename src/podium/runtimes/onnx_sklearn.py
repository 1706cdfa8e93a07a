"""scikit-learn's estimators as ONNX graphs, converted by skl2onnx where that is installed."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from podium.signature import Field, Signature

# How long to wait for a conversion: without one, the original predicts.
CONVERT_S = 10.0
# Supported by ONNX Runtime 1.18, the oldest supported version, and by all newer ones.
OPSETS = {"": 18, "ai.onnx.ml": 3}


def can_convert(estimator: Any) -> bool:
    """Whether it is a scikit-learn estimator, and the converter and the runtime are installed."""
    if not hasattr(estimator, "get_params"):
        return False
    return all(find_spec(name) is not None for name in ("skl2onnx", "onnxruntime"))


def graphs_of(estimator: Any, signature: Signature) -> Iterator[bytes | str]:
    """Candidate graphs for the estimator, in double precision; or why none can be created.

    Estimators that take a matrix have a graph with one input; those that select columns by name
    have one input for each field. Both are tried.
    """
    names = list(signature.names)
    kinds = [_kind(field) for field in signature.fields]
    numbers = [
        field.type in ("float", "integer", "boolean") or kind == "Int64"
        for field, kind in zip(signature.fields, kinds, strict=True)
    ]
    if None in kinds:
        yield f"{names[kinds.index(None)]} is a {signature.fields[kinds.index(None)].type}"
        return
    if all(numbers):
        yield _converted_in_time(estimator, signature, [("rows", "Double", len(names))])
    if len(names) > 1 or not all(numbers):
        inputs = [(name, str(kind), 1) for name, kind in zip(names, kinds, strict=True)]
        yield _converted_in_time(estimator, signature, inputs)


def _kind(field: Field) -> str | None:
    """The type of a field's own input; None if ONNX has none."""
    if field.type in ("float", "integer"):
        return "Double"  # also for integers: exact up to 2**53, and converters can join few types
    if field.type == "boolean":
        return "Boolean"
    if field.type == "text":
        return "String"
    if field.type != "category":
        return None
    kinds = {type(label).__name__ for label in field.labels}
    dtype_names = {"int": "Int64", "str": "String", "bool": "Boolean"}
    return dtype_names.get(kinds.pop()) if len(kinds) == 1 else None


def _converted_in_time(
    estimator: Any, signature: Signature, inputs: Sequence[tuple[str, str, int]]
) -> bytes | str:
    """The graph, if converted in time. A converter can't be interrupted: its thread runs on."""
    results: list[bytes | str] = []

    def convert() -> None:
        results.append(_converted(estimator, signature, inputs))

    converting = threading.Thread(target=convert, name="podium-convert", daemon=True)
    converting.start()
    converting.join(CONVERT_S)
    return results[0] if results else f"skl2onnx made no graph within {CONVERT_S:g} s"


def _converted(
    estimator: Any, signature: Signature, inputs: Sequence[tuple[str, str, int]]
) -> bytes | str:
    import skl2onnx
    from skl2onnx.common import data_types

    types = [
        (name, getattr(data_types, f"{kind}TensorType")([None, width]))
        for name, kind, width in inputs
    ]
    is_classifier = signature.output.task == "classification"
    logger = logging.getLogger("skl2onnx")
    level, logger.level = logger.level, logging.ERROR
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = skl2onnx.to_onnx(
                estimator,
                initial_types=types,
                target_opset=OPSETS,
                options={"zipmap": False} if is_classifier else None,
            )
    except Exception as error:  # noqa: BLE001 - converters raise all kinds of exceptions
        first = next(iter(str(error).strip().splitlines()), "")
        return f"skl2onnx can't convert it: {type(error).__name__}: {first[:200]}"
    finally:
        logger.level = level
    content: bytes = graph.SerializeToString()
    return content
