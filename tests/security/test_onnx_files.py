"""An ONNX graph opens no files: its numbers are in it, or it isn't loaded."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper, numpy_helper

from podium.errors import SetupError
from podium.runtimes.onnx import open_session

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])


def elsewhere(location: str = "secret.bin") -> TensorProto:
    """A tensor whose numbers are in a file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def graph(*nodes: object, tensors: tuple[TensorProto, ...] = ()) -> GraphProto:
    """A graph of x and w."""
    nodes = nodes or (helper.make_node("Add", ["x", "w"], ["y"]),)
    return helper.make_graph(nodes, "g", [X], [Y], tensors)


def model(inner: GraphProto) -> ModelProto:
    """A model of a graph."""
    return helper.make_model(inner, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def constant(tensor: TensorProto) -> object:
    """A node that holds a tensor."""
    return helper.make_node("Constant", [], ["w"], value=tensor)


def in_a_branch() -> ModelProto:
    """One that is only in a branch of a node."""
    branch = helper.make_graph([constant(elsewhere())], "b", [], [Y])
    return model(
        graph(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))
    )


def in_a_function() -> ModelProto:
    """One that is only in a function of the model."""
    made = model(graph())
    made.functions.append(
        helper.make_function(
            "own", "F", [], ["w"], [constant(elsewhere())], [helper.make_opsetid("", 17)]
        )
    )
    return made


def in_a_sparse_tensor() -> ModelProto:
    """One that is the values of a sparse tensor in a list of them."""
    made = model(graph(constant(numpy_helper.from_array(np.zeros(4, np.float32)))))
    attribute = made.graph.node[0].attribute.add()
    attribute.name, attribute.type = "sparse", AttributeProto.SPARSE_TENSORS
    attribute.sparse_tensors.add().values.CopyFrom(elsewhere())
    return made


def without_a_location() -> ModelProto:
    """One that names a file, and says that it doesn't use it."""
    tensor = elsewhere()
    tensor.ClearField("data_location")
    return model(graph(tensors=(tensor,)))


FILES: dict[str, Callable[[], ModelProto]] = {
    "an initializer": lambda: model(graph(tensors=(elsewhere(),))),
    "a path": lambda: model(graph(tensors=(elsewhere("../../etc/hostname"),))),
    "a constant": lambda: model(graph(constant(elsewhere()))),
    "a branch": in_a_branch,
    "a function": in_a_function,
    "a sparse tensor": in_a_sparse_tensor,
    "no location": without_a_location,
}


@pytest.mark.parametrize("place", FILES)
def test_a_graph_with_numbers_elsewhere_is_refused(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())

    with pytest.raises(SetupError, match="another file"):
        open_session(FILES[place]().SerializeToString())


def test_a_whole_graph_is_loaded_and_a_damaged_one_refused() -> None:
    weights = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    whole = model(graph(tensors=(weights,))).SerializeToString()
    chance = random.Random(7)

    assert open_session(whole).get_inputs()[0].name == "x"
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            open_session(bytes(damaged[: chance.randrange(len(damaged)) or None]))
        except SetupError:
            continue


@pytest.mark.parametrize("content", [b"ORTM" * 8, b"\x00\x00\x00\x00ORTM", b"", b"\x3a\xff\xff"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(SetupError):
        open_session(content)
