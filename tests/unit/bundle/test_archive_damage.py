"""Bundles that were damaged, cut or edited, and files that are none: each is told what it is."""

from __future__ import annotations

import io
import pickle
import random
import sqlite3
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle.archive import read_archive
from podium.bundle.skops_file import skops_of
from podium.errors import (
    BundleError,
    ForeignFile,
    NewerBundle,
    TamperedBundle,
    TruncatedBundle,
)

SEAL_BYTES = 87


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a bundle that holds a forest."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] > X[:, 1]).astype(int)
    forest = RandomForestClassifier(10, random_state=7).fit(X, y)
    path = tmp_path_factory.mktemp("bundle") / "forest.podium"
    podium.pack(forest, X, y, name="forest", path=path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a damaged bundle is to be put."""
    return tmp_path / "forest.podium"


def refusal(path: Path, content: bytes) -> BundleError:
    """The error with which this content is refused."""
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        read_archive(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def flipped(content: bytes, at: int, bits: int) -> bytes:
    """The content with some bits of one byte turned over."""
    return content[:at] + bytes([content[at] ^ bits]) + content[at + 1 :]


@pytest.mark.slow
def test_a_thousand_flipped_bytes_are_a_thousand_refusals(whole: bytes, path: Path) -> None:
    luck = random.Random(2026)

    refusals = Counter(
        type(refusal(path, flipped(whole, luck.randrange(len(whole)), luck.randrange(1, 256))))
        for _ in range(1_000)
    )

    # A flip of the version in the seal, one byte of all, may look like a later Podium's.
    assert refusals.total() == 1_000
    assert refusals[TamperedBundle] >= 995
    assert set(refusals) <= {TamperedBundle, NewerBundle}


@pytest.mark.slow
def test_any_flipped_bit_of_the_end_is_refused(whole: bytes, path: Path) -> None:
    ends_at = len(whole)

    refusals = Counter(
        type(refusal(path, flipped(whole, at, 1 << bit)))
        for at in range(ends_at - SEAL_BYTES - 22, ends_at)
        for bit in range(8)
    )

    # One bit makes a 3, 5 or 9 of the seal's version 1.
    assert refusals == {TamperedBundle: (SEAL_BYTES + 22) * 8 - 3, NewerBundle: 3}


@pytest.mark.slow
def test_any_flipped_bit_of_the_beginning_is_tampering(whole: bytes, path: Path) -> None:
    for at in range(60):
        for bit in range(8):
            assert type(refusal(path, flipped(whole, at, 1 << bit))) is TamperedBundle


def test_a_bundle_cut_anywhere_lacks_its_end(whole: bytes, path: Path) -> None:
    lengths = [4, 20, 52, 53, 1_000, len(whole) // 2, *range(len(whole) - 200, len(whole))]

    for length in lengths:
        assert type(refusal(path, whole[:length])) is TruncatedBundle, length


def test_a_bundle_cut_within_its_seal_says_how_much_is_missing(whole: bytes, path: Path) -> None:
    assert "86 of its 87 bytes are there" in refusal(path, whole[:-1]).message
    assert "0 of its 87 bytes are there" in refusal(path, whole[:-SEAL_BYTES]).message


@pytest.mark.parametrize("length", [0, 1, 3])
def test_too_little_to_tell_is_no_bundle(whole: bytes, path: Path, length: int) -> None:
    assert type(refusal(path, whole[:length])) is ForeignFile


def test_an_empty_file_is_called_empty(path: Path) -> None:
    assert "isn't a bundle: it looks like an empty file" in refusal(path, b"").message


@pytest.mark.parametrize("extra", [b"\n", b"\0" * 512, b"x" * 65_000])
def test_appended_bytes_are_counted(whole: bytes, path: Path, extra: bytes) -> None:
    error = refusal(path, whole + extra)

    assert type(error) is TamperedBundle
    assert f"{len(extra):,} bytes after its end" in error.message


def test_many_appended_bytes_are_one_of_two_things(whole: bytes, path: Path) -> None:
    error = refusal(path, whole + bytes(100_000))

    assert type(error) is TruncatedBundle
    assert "something is missing, or something else was appended" in error.message


@pytest.mark.parametrize("where", ["front", "middle", "twice"])
def test_bytes_put_in_are_tampering(whole: bytes, path: Path, where: str) -> None:
    half = len(whole) // 2
    longer = {
        "front": b"#!/bin/sh\n" + whole,
        "middle": whole[:half] + b"\0" + whole[half:],
        "twice": whole + whole,
    }[where]

    assert type(refusal(path, longer)) is TamperedBundle


def test_bytes_taken_out_are_tampering(whole: bytes, path: Path) -> None:
    half = len(whole) // 2

    assert type(refusal(path, whole[:half] + whole[half + 1 :])) is TamperedBundle


def test_a_seal_of_a_later_podium_asks_for_an_update(whole: bytes, path: Path) -> None:
    for later in (b"podium-bundle 2 sha256:", b"podium-bundle 12 blake3:"):
        error = refusal(path, whole.replace(b"podium-bundle 1 sha256:", later))

        assert type(error) is NewerBundle
        assert "a newer Podium" in error.hint


@pytest.mark.parametrize("seal", [b"podium-bundle 1 blake2:", b"podium-bundle 0 sha256:"])
def test_a_seal_that_never_was_is_tampering(whole: bytes, path: Path, seal: bytes) -> None:
    error = refusal(path, whole.replace(b"podium-bundle 1 sha256:", seal))

    assert type(error) is TamperedBundle


def rezipped(whole: bytes, method: int) -> bytes:
    """The members, taken out and zipped again by a common tool."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


def test_a_bundle_zipped_again_is_refused_with_the_reason(whole: bytes, path: Path) -> None:
    error = refusal(path, rezipped(whole, zipfile.ZIP_STORED))

    assert type(error) is TamperedBundle
    assert "zipped again" in error.hint
    assert type(refusal(path, rezipped(whole, zipfile.ZIP_DEFLATED))) is ForeignFile


def foreign_zip() -> bytes:
    """A zip that begins with a manifest.json, as browsers' extensions do."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("manifest.json", '{"manifest_version": 3}')
    return out.getvalue()


def joblib_dump() -> bytes:
    import joblib

    out = io.BytesIO()
    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), out)
    return out.getvalue()


def onnx_graph() -> bytes:
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "negate", [x], [y])
    content: bytes = helper.make_model(graph).SerializeToString()
    assert onnx.load_from_string(content)
    return content


def database() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (a)")
        content = connection.serialize()
    connection.close()
    return content


@pytest.mark.parametrize(
    ("content", "looks", "advice"),
    [
        (pickle.dumps({"a": 1}), "a pickle", "podium pack {path} --data train.csv"),
        (joblib_dump(), "a model saved by joblib", "podium pack {path} --data train.csv"),
        (
            skops_of(LinearRegression().fit([[0.0]], [0.0])),
            "a model saved by skops",
            "podium pack {path} --data train.csv",
        ),
        (onnx_graph(), "an ONNX graph", "podium pack {path} --data train.csv"),
        (foreign_zip(), "a zip of another kind", "give a file that podium pack wrote"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "a Keras or HDF5 file", "export it to ONNX"),
        (b"a,b\n1,2\n" * 100, "", "give a file that podium pack wrote"),
        (database(), "", "give a file that podium pack wrote"),
        (random.Random(1).randbytes(10_000), "", "give a file that podium pack wrote"),
    ],
    ids=["pickle", "joblib", "skops", "onnx", "zip", "hdf5", "csv", "sqlite", "noise"],
)
def test_another_file_is_refused_with_its_kind_and_what_to_do(
    path: Path, content: bytes, looks: str, advice: str
) -> None:
    error = refusal(path, content)

    assert type(error) is ForeignFile
    assert error.message == f"{path} isn't a bundle" + (f": it looks like {looks}" if looks else "")
    assert advice.format(path=path) in error.hint


def test_a_path_in_advice_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    error = refusal(tmp_path / "my model.pkl", pickle.dumps({}))

    assert f"podium pack '{tmp_path}/my model.pkl' --data" in error.hint
