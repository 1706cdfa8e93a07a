"""What a file is, told by its content, and whom the loading of a pickle is allowed to."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from podium.bundle.archive import write_archive
from podium.bundle.skops_file import skops_of
from podium.bundle.trust import bytes_digest, file_digest, parse_trust, require_trust, sniff
from podium.errors import SetupError, UntrustedModel

DIGEST = "ab" * 32
OTHER = "cd" * 32


class Trap:
    """A pickle of it runs code when it is loaded."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('the pickle ran')",)


def line() -> LinearRegression:
    return LinearRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])


def forest() -> RandomForestRegressor:
    rng = np.random.default_rng(3)
    return RandomForestRegressor(20, random_state=3).fit(
        rng.normal(size=(500, 4)), rng.normal(size=500)
    )


SUBJECTS: dict[str, Any] = {
    "line": line(),
    "forest": forest(),
    "frame": pd.DataFrame({"a": [1.0, None], "b": ["x", "y"]}),
    "array": np.random.default_rng(1).normal(size=40_000),
    "mapping": {"a": [1, 2.5, None, True], "b": ("x", b"y", "ü")},
    "list": [1],
    "empty list": [],
    "number": 17,
    "text": "hello",
    "nothing": None,
    "trap": Trap(),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_pickle_of_every_protocol_is_a_pickle(subject: str, protocol: int) -> None:
    assert sniff(pickle.dumps(SUBJECTS[subject], protocol)) == "pickle"


@pytest.mark.parametrize("subject", ["line", "forest", "array"])
def test_a_joblib_file_is_a_joblib_file(tmp_path: Path, subject: str) -> None:
    joblib.dump(SUBJECTS[subject], tmp_path / "model.txt")

    assert sniff(tmp_path / "model.txt") == "joblib"


def test_a_joblib_file_without_arrays_is_a_pickle(tmp_path: Path) -> None:
    joblib.dump({"a": 1}, tmp_path / "model.txt")

    assert sniff(tmp_path / "model.txt") == "pickle"


@pytest.mark.slow
@pytest.mark.parametrize(
    "compress", [1, 9, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("bz2", 9), ("lzma", 3), ("xz", 3)]
)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_compressed_joblib_file_is_a_joblib_file(
    tmp_path: Path, subject: str, compress: Any
) -> None:
    joblib.dump(SUBJECTS[subject], tmp_path / "model.txt", compress=compress)

    assert sniff(tmp_path / "model.txt") == "joblib"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_an_old_pickle_that_was_compressed_is_a_joblib_file(protocol: int) -> None:
    assert sniff(gzip.compress(pickle.dumps(forest(), protocol))) == "joblib"


def test_a_file_that_says_lz4_counts_as_joblib() -> None:
    assert sniff(b"\x04\x22\x4d\x18" + bytes(20)) == "joblib"


def test_a_joblib_file_of_before_2016_is_a_joblib_file() -> None:
    assert sniff(b"ZF0x1f               " + zlib.compress(pickle.dumps([1]))) == "joblib"


def test_skops_is_distinguished_from_other_zips() -> None:
    assert sniff(skops_of(line())) == "skops"
    assert sniff(zipped("x/a.txt")) == "zip"


def test_a_zip_of_no_members_is_a_zip() -> None:
    assert sniff(zipped()) == "zip"


@pytest.mark.parametrize("damage", [slice(0, 50), slice(0, -30), slice(0, 3)])
def test_a_damaged_zip_is_a_zip(damage: slice) -> None:
    assert sniff(skops_of(line())[damage]) == "zip"


def zipped(*names: str) -> bytes:
    """A zip with members of these names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return out.getvalue()


def test_torch_files_old_and_new_are_torch() -> None:
    # As torch.save writes them: a zip with the pickle in a folder, before 1.6 five pickles.
    new = zipped("archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/version")
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)

    assert sniff(new) == "torch"
    assert sniff(magic) == "torch"


def test_keras_files_old_and_new_are_keras() -> None:
    assert sniff(zipped("metadata.json", "config.json", "model.weights.h5")) == "keras"
    assert sniff(b"\x89HDF\r\n\x1a\n" + bytes(2_000)) == "keras"


@pytest.mark.slow
def test_an_onnx_graph_is_onnx(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skl2onnx import to_onnx

        for name, model in {"line": line(), "forest": forest()}.items():
            columns = np.zeros((1, model.n_features_in_), np.float32)
            (tmp_path / name).write_bytes(to_onnx(model, columns).SerializeToString())

    assert sniff(tmp_path / "line") == "onnx"
    assert sniff(tmp_path / "forest") == "onnx"


def test_the_least_onnx_graph_is_onnx() -> None:
    graph = onnx.helper.make_graph([], "nothing", [], [])

    assert sniff(onnx.helper.make_model(graph).SerializeToString()) == "onnx"


def test_a_bundle_is_a_bundle_even_when_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    facts = {"name": "churn", "version": "1", "runtime": "skops", "podium": "0.1.0"}
    write_archive(path, **facts, created="2026-01-01T00:00:00Z", parts={"a": bytes(100)})
    whole = path.read_bytes()

    assert sniff(path) == "bundle"
    assert sniff(whole[:-10]) == "bundle"
    assert sniff(b"x" + whole[1:]) == "bundle"


@pytest.mark.parametrize(
    "content",
    [
        b"a,b,c\n1,2,3\n4,5,6\n",
        b"age;plan\n41;pro\n" * 10_000,
        b"I,F,N\n1,2,3\n",
        b"(a,b)\n(c,d)\n",
        b"debated" * 100,
        b"0101100101" * 100,
        b"....",
        b"\n" * 1_000,
        b"import os\nprint('x')\n",
        json.dumps({"learner": {"a": [1, 2]}}).encode(),
        gzip.compress(b"a,b\n1,2\n" * 1_000, mtime=0),
        bz2.compress(b"a,b\n1,2\n" * 1_000),
        zlib.compress(b"x" * 1_000),
        b"\x1f\x8b broken",
        b"BZh9 broken",
        b"\xfd7zXZ\x00 broken",
        b"\x5d\x00\x00\xff\xff\xff\xff" + bytes(100),
        b"\x78\x9c broken",
        b"\x78",
        b"\x80",
        b"\x80\x01",
        b"\x80\x06",
        b"\x08\x01\x12\x05hello",
        b"\x08\x0a\x3a\xff\xff\xff\xff\x7f",
        b"\x08",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"PAR1" + bytes(100) + b"PAR1",
        b"\x93NUMPY\x01\x00" + bytes(100),
        b"%PDF-1.7\n" + bytes(100),
        bytes(1_000),
    ],
)
def test_everything_else_is_unknown(content: bytes) -> None:
    assert sniff(content) == "unknown"


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").touch()

    assert sniff(tmp_path / "model.joblib") == "empty"


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    assert sniff(content) == sniff(content)


@given(
    st.sampled_from([b"\x80\x04", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"x\x9c"])
    | st.sampled_from(
        [b"\xfd7zXZ\x00", b"\x5d\x00\x00\x80", b"\x08\x0a", b"(dp0\n", b"c__main__\n"]
    ),
    st.binary(max_size=300),
)
@example(b"c__main__\n", b"\\\0\n")  # an escape that Python warns about
def test_any_bytes_behind_a_known_beginning_get_an_answer(begins: bytes, rest: bytes) -> None:
    assert isinstance(sniff(begins + rest), str)


def greedy_lzma() -> bytes:
    """A file whose header asks the unpacker for 3 GiB."""
    content = lzma.compress(bytes(100_000), lzma.FORMAT_ALONE)
    return content[:1] + (3 << 30).to_bytes(4, "little") + content[5:]


@pytest.mark.parametrize("bomb", [gzip.compress(bytes(50_000_000), mtime=0), greedy_lzma()])
def test_a_bomb_is_not_unpacked_to_see_what_it_is(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        assert sniff(bomb) == "unknown"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000


@pytest.mark.parametrize("place", ["missing.joblib", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(SetupError, match=rf"{place} can't be read: "):
        sniff(tmp_path / place)
    with pytest.raises(SetupError, match=rf"{place} can't be read: "):
        file_digest(tmp_path / place)


def test_digests_are_those_that_sha256sum_prints(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "model").write_bytes(content)

    assert file_digest(tmp_path / "model") == hashlib.sha256(content).hexdigest()
    assert bytes_digest(content) == hashlib.sha256(content).hexdigest()


def test_trust_names_a_digest() -> None:
    assert parse_trust(f"sha256:{DIGEST}") == DIGEST
    assert parse_trust(f" SHA256:{DIGEST.upper()}\n") == DIGEST


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (DIGEST, rf"has no hash method\nwrite sha256:{DIGEST}"),
        ("sha256:", "64 hex digits, and this is 0 characters"),
        (f"sha256:{DIGEST[:-1]}", "64 hex digits, and this is 63 characters"),
        (f"sha256:{DIGEST[:-1]}g", "64 hex digits, and this is something else"),
        (f"sha512:{DIGEST}{DIGEST}", "it isn't a SHA-256"),
        ("model.joblib", "it isn't a SHA-256"),
        ("yes", "it isn't a SHA-256\na file is trusted by its digest"),
        ("", "it isn't a SHA-256"),
    ],
)
def test_trust_that_names_no_digest_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        parse_trust(text)


def test_what_is_trusted_passes() -> None:
    require_trust(DIGEST, "model.joblib", [OTHER, DIGEST])


def test_what_nobody_trusted_is_explained_with_the_flag_that_allows_it() -> None:
    with pytest.raises(UntrustedModel) as caught:
        require_trust(DIGEST, "model.joblib", [], "podium pack model.joblib")

    assert caught.value.digest == DIGEST
    assert "loading it runs the code inside it" in caught.value.message
    assert f"sha256:{DIGEST}" in caught.value.message
    assert f"podium pack model.joblib --trust sha256:{DIGEST} " in caught.value.hint
    assert parse_trust(caught.value.hint.split()[-1].removeprefix("(").split('"')[1]) == DIGEST


def test_trust_in_another_file_names_both() -> None:
    with pytest.raises(UntrustedModel) as caught:
        require_trust(DIGEST, "model.joblib", [OTHER])

    assert f"allowed is sha256:{OTHER}, and found was sha256:{DIGEST}" in caught.value.message


def test_trust_in_many_other_files_stays_legible() -> None:
    with pytest.raises(UntrustedModel, match=r"and 7 more, and found was sha256:ab") as caught:
        require_trust(DIGEST, "model.joblib", [f"{i:064x}" for i in range(10)])

    assert len(caught.value.message) < 500


def test_trust_compares_whole_digests() -> None:
    for almost in (DIGEST[:-1], DIGEST.upper(), f"sha256:{DIGEST}", ""):
        with pytest.raises(UntrustedModel):
            require_trust(DIGEST, "model.joblib", [almost])
