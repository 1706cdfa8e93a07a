"""The container of a bundle: what goes in comes out, and a file is whole or not there."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.bundle import archive
from podium.bundle.archive import read_archive, write_archive
from podium.bundle.members import NAME
from podium.errors import BundleError, OversizedBundle, SetupError

FACTS: dict[str, Any] = {
    "name": "churn",
    "version": "3",
    "runtime": "skops",
    "podium": "0.1.0",
    "created": "2026-01-01T00:00:00Z",
}
PARTS = {"signature.json": b'{"fields": []}', "model/estimator.skops": bytes(range(256)) * 64}

names = st.from_regex(NAME, fullmatch=True).filter(lambda name: name.lower() != "manifest.json")
contents = st.binary(max_size=200) | st.builds(
    lambda piece, n: piece * n, st.binary(max_size=50), st.integers(0, 2_000)
)
parts = st.dictionaries(names, contents, max_size=8).filter(
    lambda found: len({name.lower() for name in found}) == len(found)
)
small_facts = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
options = st.dictionaries(st.text(max_size=10), small_facts | st.lists(small_facts), max_size=4)


@pytest.mark.slow
@given(parts=parts, options=options, requires=st.lists(st.sampled_from(["sklearn", "onnx"])))
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory,
    parts: dict[str, bytes],
    options: dict[str, Any],
    requires: list[str],
) -> None:
    path = tmp_path_factory.mktemp("bundle") / "churn.podium"

    digest = write_archive(path, **FACTS, parts=parts, options=options, requires=requires)
    read = read_archive(path)

    assert {name: read.part(name) for name in read.names} == parts
    assert read.digest == digest
    assert read.manifest.options == options
    assert read.manifest.requires == tuple(requires)
    assert {fact: getattr(read.manifest, fact) for fact in FACTS} == FACTS
    assert read.manifest.format == 1


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one.podium", tmp_path / "other.podium"

    write_archive(one, **FACTS, parts=PARTS, options={"a": 1, "b": 2})
    write_archive(other, **FACTS, parts=dict(reversed(PARTS.items())), options={"b": 2, "a": 1})

    assert one.read_bytes() == other.read_bytes()


def test_another_content_gives_another_digest(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"

    digests = {
        write_archive(path, **FACTS, parts=PARTS),
        write_archive(path, **FACTS | {"version": "4"}, parts=PARTS),
        write_archive(path, **FACTS, parts=PARTS | {"signature.json": b"{}"}),
    }

    assert len(digests) == 3


def test_the_digest_is_that_of_all_bytes_but_its_own(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"

    digest = write_archive(path, **FACTS, parts=PARTS)

    assert path.read_bytes().endswith(f"podium-bundle 1 sha256:{digest}".encode())
    assert hashlib.sha256(path.read_bytes()[:-64]).hexdigest() == digest


def test_any_zip_tool_reads_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    write_archive(path, **FACTS, parts=PARTS)

    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert file.namelist() == ["manifest.json", *sorted(PARTS)]
        assert {name: file.read(name) for name in PARTS} == PARTS


def test_what_shrinks_is_deflated_and_what_does_not_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    noise = hashlib.shake_256(b"noise").digest(100_000)
    write_archive(path, **FACTS, parts={"noise": noise, "zeros": bytes(100_000)})

    with zipfile.ZipFile(path) as file:
        assert file.getinfo("noise").compress_type == zipfile.ZIP_STORED
        assert file.getinfo("zeros").compress_size < 1_000


def test_an_open_bundle_does_not_care_what_becomes_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    write_archive(path, **FACTS, parts=PARTS)
    read = read_archive(path)

    path.unlink()

    assert read.part("signature.json") == PARTS["signature.json"]


def test_a_part_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    write_archive(path, **FACTS, parts=PARTS)

    with pytest.raises(BundleError, match=r"no part model/graph.onnx\n.*signature.json"):
        read_archive(path).part("model/graph.onnx")


def test_a_bundle_of_no_parts_is_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"

    write_archive(path, **FACTS, parts={})

    assert read_archive(path).names == ()


def test_a_bundle_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    before = os.umask(0o027)
    try:
        write_archive(path, **FACTS, parts=PARTS)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "v3.podium").write_bytes(b"old")
    link = tmp_path / "latest.podium"
    link.symlink_to("v3.podium")

    write_archive(link, **FACTS, parts=PARTS)

    assert link.is_symlink()
    assert read_archive(tmp_path / "v3.podium").names == tuple(sorted(PARTS))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    write_archive(path, **FACTS, parts=PARTS)
    before = path.read_bytes()
    noise = hashlib.shake_256(b"noise").digest(100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(SetupError, match=r"churn.podium can't be written: File too large"):
            write_archive(path, **FACTS, parts={"noise": noise})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["churn.podium"]


REWRITE = """
import hashlib, sys
from podium.bundle.archive import write_archive
facts = dict(name="churn", runtime="skops", podium="0.1.0", created="2026-01-01T00:00:00Z")
for version in range(1_000_000):
    noise = hashlib.shake_256(b"%d" % version).digest(1_000_000)
    write_archive(sys.argv[1], version=str(version), parts={"noise": noise}, **facts)
    print(version, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_writes", [1, 4, 9])
def test_a_writer_that_is_killed_leaves_a_whole_bundle(tmp_path: Path, n_writes: int) -> None:
    path = tmp_path / "churn.podium"
    source = str(Path(archive.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", REWRITE, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": source},
    ) as writer:
        assert writer.stdout is not None
        written = [int(writer.stdout.readline()) for _ in range(n_writes)]
        writer.send_signal(signal.SIGKILL)

    assert int(read_archive(path).manifest.version) >= written[-1]


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"../evil": b""}, "can't be the name of a part"),
        ({"/etc/passwd": b""}, "can't be the name of a part"),
        ({"model\\x": b""}, "can't be the name of a part"),
        ({"a\n": b""}, "can't be the name of a part"),
        ({"manifest.json": b""}, "can't be the name of a part"),
        ({"Card.json": b"", "card.json": b""}, "upper and lower case"),
        ({f"part{i}": b"" for i in range(100)}, "a bundle of 100 parts; 99 are allowed"),
    ],
)
def test_parts_that_could_not_be_read_are_not_written(
    tmp_path: Path, parts: dict[str, bytes], complaint: str
) -> None:
    with pytest.raises(SetupError, match=complaint):
        write_archive(tmp_path / "churn.podium", **FACTS, parts=parts)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "../churn"},
        {"name": "churn\n"},
        {"version": ""},
        {"version": "3\r\nX-Evil: 1"},
        {"options": {"function": object()}},
        {"options": {"long": "x" * 600_000}},
    ],
)
def test_facts_that_could_not_be_read_are_not_written(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    with pytest.raises(SetupError):
        write_archive(tmp_path / "churn.podium", **FACTS | facts, parts=PARTS)

    assert not list(tmp_path.iterdir())


def test_more_than_may_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 3 << 20)

    with pytest.raises(SetupError, match=r"1,048,577 bytes; a bundle holds 1,048,576\n.*smaller"):
        write_archive(tmp_path / "churn.podium", **FACTS, parts={"model": bytes((1 << 20) + 1)})


def test_what_just_fits_is_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 3 << 20)
    noise = hashlib.shake_256(b"noise").digest(1 << 20)

    write_archive(tmp_path / "churn.podium", **FACTS, parts={"model": noise})

    assert read_archive(tmp_path / "churn.podium", max_bytes=3 << 20).part("model") == noise


@pytest.mark.parametrize("place", ["missing/churn.podium", "folder", "file/churn.podium"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(SetupError, match=rf"{place} can't be written: .+\n.+folder"):
        write_archive(tmp_path / place, **FACTS, parts=PARTS)

    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("missing.podium", "can't be read: No such file"),
        ("folder", "is a folder"),
        ("pipe", "isn't a regular file"),
        ("loop", "can't be read: Too many levels"),
        ("file/churn.podium", "can't be read: Not a directory"),
    ],
)
@pytest.mark.timeout(10)
def test_a_place_that_cannot_be_read_is_named(tmp_path: Path, place: str, complaint: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(SetupError, match=rf"{place} {complaint}.*\n.+"):
        read_archive(tmp_path / place)


def test_a_file_larger_than_allowed_is_not_even_hashed(tmp_path: Path) -> None:
    path = tmp_path / "churn.podium"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(OversizedBundle, match=r"1,099,511,627,776 bytes; 2,147,483,648 are"):
        read_archive(path)
