"""Where the tensors of an ONNX graph are: in the graph, or in files that it references.

ONNX Runtime would open those files, wherever the graph says they are. So the graph is parsed as
protobuf before it is loaded, including everything that can contain a tensor:
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Iterator

from podium.errors import SetupError

# Each message, and its fields that lead to a tensor.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_DEPTH_MAX = 60


def require_embedded_tensors(content: bytes) -> None:
    """Check that the graph contains all of its numbers.

    Raises:
        SetupError: some are in other files, or it isn't an ONNX graph.
    """
    try:
        _walk(memoryview(content), "model", 0)
    except (ValueError, IndexError) as error:
        raise SetupError(f"Podium can't load this graph: {error}") from error


def _walk(message: memoryview, kind: str, depth: int) -> None:
    if depth > _DEPTH_MAX:
        raise ValueError("its graphs are nested too deeply")
    inside = _INSIDE[kind]
    for field, value in _fields(message):
        inner = inside.get(field)
        if inner is None:
            continue
        if isinstance(value, int):
            raise ValueError(f"field {field} of its {kind} is a number")  # noqa: TRY004
        if inner != "tensor":
            _walk(value, inner, depth + 1)
        elif any(
            one in (_EXTERNAL_DATA, _DATA_LOCATION) and is_set for one, is_set in _fields(value)
        ):
            raise SetupError(
                "the ONNX graph stores its numbers in another file, which isn't supported",
                hint="save it as one file: onnx.save(onnx.load(PATH), NEW_PATH)",
            )


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: its numbers, and its strings and messages as bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire == _LENGTH:
            size, at = _varint(message, at)
        elif wire in (_EIGHT, _FOUR):
            size = 8 if wire == _EIGHT else 4
        else:
            raise ValueError(f"a field of the type {wire}")
        if at + size > len(message):
            raise ValueError("it ends too early")
        yield field, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte, at = message[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")
