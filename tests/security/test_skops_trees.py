"""No name in a skops file decides what runs: hostile trees are refused before anything is built."""

from __future__ import annotations

import io
import json
import os
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.bundle.archive import read_archive, write_archive
from podium.bundle.model_part import FOLDER, SKOPS
from podium.bundle.skops_file import load_skops
from podium.cli.main import run
from podium.errors import BundleError, PodiumError, UnreviewedType
from podium.sources import bundles_of

sys.path.insert(0, str(Path(__file__).parent))
from skops_trees import (
    GADGETS,
    dumped,
    listed,
    mapped,
    method,
    mutated,
    node,
    of_kind,
    packed,
    unpacked,
    value,
    with_attribute,
)

KINDS = [
    "BytearrayNode",
    "BytesNode",
    "CachedNode",
    "ConstructorFromReduceNode",
    "DTypeNode",
    "DefaultDictNode",
    "DictNode",
    "FunctionNode",
    "JsonNode",
    "ListNode",
    "LossNode",
    "MaskedArrayNode",
    "MethodNode",
    "NdArrayNode",
    "ObjectNode",
    "OperatorFuncNode",
    "PartialNode",
    "QuantileForestNode",
    "RandomGeneratorNode",
    "RandomStateNode",
    "SetNode",
    "SliceNode",
    "SparseMatrixNode",
    "TreeNode",
    "TupleNode",
    "TypeNode",
]
N_TREES = 600 * int(os.environ.get("PODIUM_SOAK", "1"))
LINE = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that appears when the module `canary` is imported, or the text CODE is run."""
    sung = tmp_path / "sung"
    code = f"from pathlib import Path\nPath({str(sung)!r}).touch()\ndef fire(*_): pass\n"
    (tmp_path / "canary.py").write_text(f"{code}class Bird: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield sung
    assert "canary" not in sys.modules
    assert not sung.exists()


def exploit(sung: Path) -> bytes:
    """The file of the first attack: `exec`, reached through a module, as the type of a key."""
    run_it = method("sklearn._loss._loss", "__builtins__", "exec")
    return with_attribute(
        LINE, mapped({f"__import__('pathlib').Path({str(sung)!r}).touch()": value(1)}, key=run_it)
    )


def bundle_of(content: bytes, folder: Path) -> Path:
    """A sealed bundle whose model is this skops file."""
    rows = pd.DataFrame({"x": [0.0, 1.0]})
    podium.pack(LINE, rows, pd.Series([0.0, 1.0]), name="line", path=folder, compiles=False)
    archive = read_archive(folder / "line.podium")
    facts = archive.manifest
    parts = {name: archive.part(name) for name in archive.names} | {f"{FOLDER}{SKOPS}": content}
    write_archive(
        folder / "evil.podium",
        name="evil",
        version="1",
        runtime="skops",
        podium=facts.podium,
        created=facts.created,
        parts=parts,
    )
    return folder / "evil.podium"


def test_the_first_attack_would_run_in_skops_alone(tmp_path: Path) -> None:
    import skops.io

    content = exploit(tmp_path / "sung")

    skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))

    assert (tmp_path / "sung").exists()


def test_the_first_attack_is_refused_by_predict_serve_and_pack(
    canary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle_of(exploit(canary), tmp_path)
    (tmp_path / "evil.skops").write_bytes(exploit(canary))
    (tmp_path / "rows.csv").write_text("x,y\n0,0\n1,1\n")

    predicted = run(["predict", str(path), "x=1"])
    packing = ["pack", str(tmp_path / "evil.skops"), "--data", str(tmp_path / "rows.csv")]
    packed_it = run([*packing, "--target", "y"])
    with pytest.raises(UnreviewedType, match="MethodNode"):
        bundles_of([path], tmp_path, ())[0].start()

    assert predicted != 0
    assert packed_it != 0
    assert capsys.readouterr().err.count("isn't loaded") == 2


def test_these_are_all_kinds_of_nodes() -> None:
    from skops.io._audit import NODE_TYPE_MAPPING

    assert {kind for kind, _ in NODE_TYPE_MAPPING} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("canary")
def test_every_kind_of_node_is_refused_with_every_gadget(kind: str) -> None:
    for module, name in GADGETS:
        for inner in (value(1), node("TypeNode", module, name)):
            content = with_attribute(LINE, of_kind(kind, module, name, inner))

            with pytest.raises(BundleError):
                load_skops(content)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, -1, True, 2.0, "2", None, 10**30])
@pytest.mark.usefixtures("canary")
def test_a_protocol_opens_no_other_door(protocol: Any) -> None:
    schema, members = unpacked(with_attribute(LINE, node("FunctionNode", "canary", "fire")))
    schema["protocol"] = protocol

    with pytest.raises(BundleError):
        load_skops(packed(schema, members))


def estimators() -> list[Any]:
    """Fitted, one of each kind of state."""
    chance = np.random.default_rng(0)
    X, y = chance.normal(size=(30, 3)), np.array(["no", "yes"] * 15)
    frame = pd.DataFrame({"island": ["a", "b"] * 15})
    return [
        RandomForestClassifier(n_estimators=2).fit(X, y),
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5).fit(X, y),
        KNeighborsClassifier().fit(X, y),
        make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame, X[:, 0]),
    ]


@pytest.mark.usefixtures("canary")
def test_mutated_trees_run_nothing_and_raise_nothing_of_others() -> None:
    chance = random.Random(20)
    trees = [unpacked(dumped(one)) for one in estimators()]
    n_loaded = 0
    for _ in range(N_TREES):
        schema, members = chance.choice(trees)
        try:
            load_skops(packed(mutated(schema, KINDS, chance), members))
            n_loaded += 1
        except PodiumError:
            continue

    assert n_loaded < N_TREES / 50


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__reduce__", "__setstate__"])
def test_no_attribute_has_a_name_of_pythons_own(name: str) -> None:
    with pytest.raises(UnreviewedType, match=name):
        load_skops(with_attribute(LINE, value(1), name))


def test_an_estimator_opens_no_files() -> None:
    pipeline = make_pipeline(CountVectorizer(input="filename"), memory="cache")

    for estimator in (pipeline, pipeline[0], make_pipeline(CountVectorizer(), memory="cache")):
        with pytest.raises(UnreviewedType, match=r"attribute (memory|input)"):
            load_skops(dumped(estimator))


def test_nodes_that_share_an_id_are_equal() -> None:
    one = value(1) | {"__id__": 5}
    other = listed(value(1)) | {"__id__": 5}

    load_skops(with_attribute(LINE, listed(one, one)))
    with pytest.raises(BundleError, match="one id"):
        load_skops(with_attribute(LINE, listed(one, other)))
    with pytest.raises(BundleError, match="id"):
        load_skops(with_attribute(LINE, listed(other) | {"__id__": 5}))


def huge_header(shape: str) -> bytes:
    """An array's header without its elements."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def array_file(content: bytes) -> bytes:
    """A skops file with an array of these bytes."""
    schema, members = unpacked(
        with_attribute(LINE, node("NdArrayNode", "numpy", "ndarray", type="numpy", file="77.npy"))
    )
    return packed(schema, members | {"77.npy": content}, zipfile.ZIP_DEFLATED)


def nested(depth: int) -> Any:
    """Lists in lists."""
    tree = value(1)
    for _ in range(depth):
        tree = listed(tree)
    return tree


def with_schema(raw: bytes) -> bytes:
    """A skops file with this text for its tree."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", raw)
    return buffer.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "a zip that unpacks to 300 MB": lambda: array_file(
        huge_header("(37500000,)") + bytes(300_000_000)
    ),
    "an array that isn't there": lambda: array_file(huge_header("(100000000000,)")),
    "a negative array": lambda: array_file(huge_header("(-1,)")),
    "a member with a path": lambda: packed(unpacked(dumped(LINE))[0], {"../evil.npy": b""}),
    "a pickle as an array": lambda: array_file(b"\x80\x04cos\nsystem\n"),
    "no tree": lambda: with_schema(b""),
    "a list": lambda: packed([], {}),
    "a tree that never ends": lambda: with_attribute(LINE, nested(300)),
    "a tree that ends the parser": lambda: with_schema(b"[" * 200_000),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_before_they_are_unpacked(bomb: str) -> None:
    with pytest.raises(BundleError):
        load_skops(BOMBS[bomb]())


@pytest.mark.parametrize(("number", "field"), [(0, "left"), (2**31, "left"), (0, "right")])
@pytest.mark.parametrize("place", [0, 1])
def test_a_tree_that_never_ends_or_leaves_its_nodes_is_refused(
    place: int, number: int, field: str
) -> None:
    schema, members = unpacked(dumped(estimators()[place]))
    name = next(name for name in members if b"missing_go_to_left" in members[name])
    nodes = np.load(io.BytesIO(members[name])).copy()
    nodes[field if field in (nodes.dtype.names or ()) else f"{field}_child"][0] = number
    buffer = io.BytesIO()
    np.save(buffer, nodes)

    with pytest.raises(BundleError, match="don't lead to its leaves"):
        load_skops(packed(schema, members | {name: buffer.getvalue()}))


@pytest.mark.parametrize("position", [-1, 625, 2**31, 1.5, "1"])
def test_a_random_state_begins_within_its_numbers(position: Any) -> None:
    kept = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    kept.random_state = np.random.RandomState(0)
    schema, members = unpacked(dumped(kept))
    load_skops(packed(schema, members))
    inner = schema["content"]["content"]["random_state"]["content"]["content"]["state"]
    inner["content"]["pos"]["content"] = json.dumps(position)

    with pytest.raises(BundleError, match="beyond its end"):
        load_skops(packed(schema, members))
