"""Bundles made to harm and sealed properly: a seal alone opens no door."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from podium.bundle import archive
from podium.bundle.archive import read_archive
from podium.bundle.members import Member, _directory
from podium.bundle.seal import blank_seal, seal
from podium.errors import BundleError, NewerBundle, OversizedBundle, TamperedBundle

STORED, DEFLATED = 0, 8
FACTS = {
    "format": 1,
    "name": "churn",
    "version": "3",
    "runtime": "skops",
    "podium": "0.1.0",
    "created": "2026-01-01T00:00:00Z",
    "requires": [],
    "options": {},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a hostile bundle is to be put."""
    return tmp_path / "churn.podium"


def manifest(held: dict[str, bytes], **facts: Any) -> bytes:
    """A manifest that is right about these parts."""
    stated = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in held.items()
    }
    return json.dumps(FACTS | {"parts": stated} | facts, separators=(",", ":")).encode()


def sealed(content: bytes) -> bytes:
    """A zip that ends with a blank seal, with its digest filled in."""
    file = io.BytesIO(content)
    seal(file)
    return file.getvalue()


def plain(name: str, content: bytes) -> tuple[str, int, bytes, int]:
    """A member as it should be."""
    return name, STORED, content, len(content)


def deflated(name: str, content: bytes, n_stated: int | None = None) -> tuple[str, int, bytes, int]:
    """A deflated member that says how large it is, or lies about it."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflater.compress(content) + deflater.flush()
    return name, DEFLATED, packed, len(content) if n_stated is None else n_stated


def zipped(members: Iterable[tuple[str, int, bytes, int]]) -> bytes:
    """A sealed zip, laid out as ours are, of members that are whatever they are."""
    out, placed = io.BytesIO(), []
    for name, method, packed, n_bytes in members:
        placed.append(Member(name, method, 0, len(packed), n_bytes, out.tell()))
        out.write(placed[-1].header + packed)
    out.write(_directory(placed))
    return sealed(out.getvalue())


def by_zipfile(members: Iterable[tuple[zipfile.ZipInfo | str, bytes]]) -> bytes:
    """A sealed zip made by the standard library."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members:
            file.writestr(name, content)
        file.comment = blank_seal()
    return sealed(out.getvalue())


def refusal(path: Path, content: bytes, **options: Any) -> BundleError:
    """The error with which this content is refused."""
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        read_archive(path, **options)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_the_tools_of_these_tests_make_bundles_that_open(path: Path) -> None:
    parts = {"model/a": b"stored", "model/b": b"deflated" * 100}
    path.write_bytes(
        zipped(
            [
                plain("manifest.json", manifest(parts)),
                plain("model/a", b"stored"),
                deflated("model/b", b"deflated" * 100),
            ]
        )
    )

    read = read_archive(path)

    assert {name: read.part(name) for name in read.names} == parts


def test_a_bomb_that_says_how_large_it_is_is_refused_unopened(path: Path) -> None:
    size = 3 << 30
    bomb = zipped([plain("manifest.json", manifest({})), deflated("model/a", b"", size)])

    error = refusal(path, bomb)

    assert type(error) is OversizedBundle
    assert "would unpack to 3,221," in error.message


def test_many_parts_that_are_too_large_together_are_refused(path: Path) -> None:
    parts = {f"model/{i}": bytes(100_000) for i in range(50)}
    members = [plain("manifest.json", manifest(parts))]
    members += [deflated(name, content) for name, content in parts.items()]

    error = refusal(path, zipped(members), max_bytes=4_000_000)

    assert type(error) is OversizedBundle


@pytest.mark.slow
def test_a_bomb_that_lies_is_stopped_at_the_size_it_states(path: Path) -> None:
    zeros = bytes(50_000_000)
    bomb = zipped(
        [
            plain("manifest.json", manifest({"model/a": zeros[:1000]})),
            deflated("model/a", zeros, n_stated=1_000),
        ]
    )

    tracemalloc.start()
    try:
        error = refusal(path, bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert type(error) is OversizedBundle
    assert "says that it has 1,000 bytes, and has more" in error.message
    assert peak < 1_000_000


def test_a_bomb_in_the_manifest_is_refused(path: Path) -> None:
    huge = manifest({}, options={"a": " " * 1_000_000})

    assert type(refusal(path, zipped([deflated("manifest.json", huge)]))) is OversizedBundle
    assert (
        type(refusal(path, zipped([deflated("manifest.json", huge, n_stated=100)])))
        is OversizedBundle
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_members", [101, 5_000, 65_535])
def test_too_many_members_are_refused(path: Path, n_members: int) -> None:
    members = [plain("manifest.json", manifest({}))]
    members += [plain(f"m{i}", b"") for i in range(n_members - 1)]

    error = refusal(path, zipped(members))

    assert type(error) is OversizedBundle
    assert f"{n_members:,} members; 100 are allowed" in error.message


def test_a_count_that_lies_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({})), *(plain(f"m{i}", b"") for i in range(500))]
    content = bytearray(zipped(members))
    end = content.rfind(b"PK\x05\x06")
    content[end + 8 : end + 12] = (5).to_bytes(2, "little") * 2

    assert type(refusal(path, sealed(bytes(content)))) is TamperedBundle


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../evil",
        "model/../../evil",
        "model/./a",
        "model//a",
        "model/",
        ".hidden",
        "C:\\evil",
        "model\\a",
        "a b",
        "a\nb",
        "a\x00b",
        "-rf",
        "",
        "é",
        "a" * 51,
        "a/b/c/d/e",
    ],
)
def test_a_name_that_podium_never_writes_is_refused(path: Path, name: str) -> None:
    members = [plain("manifest.json", manifest({name: b"x"})), plain(name, b"x")]

    error = refusal(path, zipped(members))

    assert type(error) is TamperedBundle
    assert "a name that Podium never writes" in error.message
    assert len(error.message) < 400


@pytest.mark.parametrize("twice", ["model/a", "MODEL/A", "manifest.json"])
def test_two_members_of_one_name_are_refused(path: Path, twice: str) -> None:
    parts = {"model/a": b"x"}
    members = [
        *(plain("manifest.json", manifest(parts)), plain("model/a", b"x"), plain(twice, b"y"))
    ]

    error = refusal(path, zipped(members))

    assert type(error) is TamperedBundle
    assert "two members called" in error.message


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93, 99])
def test_a_method_that_podium_never_uses_is_refused(path: Path, method: int) -> None:
    content = zipped([plain("manifest.json", manifest({"a": b"x"})), ("a", method, b"x", 1)])

    assert f"packed by method {method}" in refusal(path, content).message


def test_what_the_manifest_does_not_know_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({})), plain("model/extra", b"x")]

    error = refusal(path, zipped(members))

    assert type(error) is TamperedBundle
    assert "disagree about model/extra" in error.message


def test_what_is_missing_from_the_zip_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({"model/gone": b"x"}))]

    error = refusal(path, zipped(members))

    assert type(error) is TamperedBundle
    assert "disagree about model/gone" in error.message


def test_a_part_of_another_size_than_the_manifest_says_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({"model/a": b"x"})), plain("model/a", b"xy")]

    assert "disagree about model/a" in refusal(path, zipped(members)).message


def test_a_part_of_another_digest_than_the_manifest_says_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({"model/a": b"good"})), plain("model/a", b"evil")]

    error = refusal(path, zipped(members))

    assert type(error) is TamperedBundle
    assert "another digest for model/a" in error.message


@pytest.mark.parametrize(
    "member",
    [
        ("a", DEFLATED, b"\xff\xff\xff", 5),
        ("a", DEFLATED, zlib.compressobj(6, zlib.DEFLATED, -15).flush(), 5),
        ("a", DEFLATED, deflated("a", b"x" * 5)[2] + b"hidden", 5),
        ("a", DEFLATED, deflated("a", b"x" * 5)[2][:-1], 5),
        ("a", STORED, b"xxx", 5),
    ],
    ids=["noise", "empty", "trailing", "cut", "short"],
)
def test_a_part_that_cannot_be_unpacked_is_refused(
    path: Path, member: tuple[str, int, bytes, int]
) -> None:
    content = zipped([plain("manifest.json", manifest({"a": b"x" * 5})), member])

    error = refusal(path, content)

    assert type(error) is TamperedBundle
    assert "can't be unpacked to the 5 bytes" in error.message


def test_a_stored_part_with_more_bytes_than_it_says_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({"a": b"x"})), ("a", STORED, b"x" * 1_000, 1)]

    assert type(refusal(path, zipped(members))) is OversizedBundle


def test_a_header_that_contradicts_the_directory_is_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({"model/a": b"x"})), plain("model/a", b"x")]
    content = zipped(members).replace(b"model/a", b"model/b", 2).replace(b"model/b", b"model/a", 1)

    error = refusal(path, sealed(content))

    assert type(error) is TamperedBundle
    assert "contradicts the directory" in error.message


def test_a_directory_that_is_too_large_is_refused(path: Path) -> None:
    content = bytearray(zipped([plain("manifest.json", manifest({})), plain("a", bytes(99_999))]))
    end = content.rfind(b"PK\x05\x06")
    content[end + 12 : end + 16] = (90_000).to_bytes(4, "little")

    error = refusal(path, sealed(bytes(content)))

    assert type(error) is OversizedBundle
    assert "a directory of 90,000 bytes for 2 members" in error.message


def test_members_that_say_they_end_far_behind_the_file_are_refused(path: Path) -> None:
    members = [plain("manifest.json", manifest({"a": b"", "b": b""})), plain("a", b"")]
    content = bytearray(zipped([*members, plain("b", b"")]))
    entry = content.find(b"PK\x01\x02")
    while entry >= 0:
        content[entry + 20 : entry + 24] = b"\xff" * 4
        entry = content.find(b"PK\x01\x02", entry + 1)

    assert type(refusal(path, sealed(bytes(content)))) is TamperedBundle


@pytest.mark.parametrize("where", ["gap", "front", "behind the parts"])
def test_bytes_hidden_between_the_members_are_refused(path: Path, where: str) -> None:
    content = zipped([plain("manifest.json", manifest({"a": b"x"})), plain("a", b"x")])
    directory = content.rfind(b"PK\x01\x02", 0, content.rfind(b"PK\x01\x02"))
    second = content.rfind(b"PK\x03\x04")
    at = {"gap": second, "front": 0, "behind the parts": directory}[where]

    error = refusal(path, sealed(content[:at] + b"hidden" + content[at:]))

    assert type(error) is TamperedBundle
    assert "isn't laid out as Podium writes" in error.message


def test_what_another_tool_zipped_and_sealed_is_refused(path: Path) -> None:
    content = by_zipfile([("manifest.json", manifest({"a": b"x"})), ("a", b"x")])

    assert "isn't laid out as Podium writes" in refusal(path, content).message


def test_facts_that_unzip_tools_ignore_are_refused(path: Path) -> None:
    commented = zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0))
    commented.comment = b"hidden"
    extra = zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0))
    extra.extra = b"\xfe\xca\x04\x00evil"
    link = zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0))
    link.external_attr = 0o120777 << 16
    for member in (commented, extra, link):
        head = zipfile.ZipInfo("manifest.json", (1980, 1, 1, 0, 0, 0))
        head.external_attr = 0o100644 << 16
        content = by_zipfile([(head, manifest({"a": b"x"})), (member, b"x")])

        assert type(refusal(path, content)) is TamperedBundle


def test_a_seal_without_a_zip_is_refused(path: Path) -> None:
    for before in (b"", b"PK", b"x" * 100, bytes(100_000)):
        assert type(refusal(path, sealed(before + blank_seal()))) is TamperedBundle


def test_a_zip_without_members_is_refused(path: Path) -> None:
    assert type(refusal(path, by_zipfile([]))) is TamperedBundle


def test_a_zip_that_begins_with_something_else_is_refused(path: Path) -> None:
    members = [plain("a", b"x"), plain("manifest.json", manifest({"a": b"x"}))]

    assert "doesn't begin with manifest.json" in refusal(path, zipped(members)).message


def test_a_format_of_a_later_podium_asks_for_an_update(path: Path) -> None:
    later = {"format": 2, "name": ["unknown", "here"], "sections": {}}
    content = zipped([plain("manifest.json", json.dumps(later).encode())])

    error = refusal(path, content)

    assert type(error) is NewerBundle
    assert "format 2; this Podium reads format 1" in error.message
    assert "a newer Podium" in error.hint


@pytest.mark.parametrize(
    "facts",
    [
        {"format": 0},
        {"format": "1"},
        {"format": True},
        {"name": "../churn"},
        {"name": "churn\n"},
        {"name": None},
        {"version": "3\r\nSet-Cookie: a=b"},
        {"requires": "sklearn"},
        {"parts": []},
        {"parts": {"a": {"sha256": "ABC", "size": 1}}},
        {"parts": {"a": {"sha256": "0" * 64, "size": -1}}},
        {"surprise": 1},
    ],
)
def test_a_manifest_of_another_shape_is_refused(path: Path, facts: dict[str, Any]) -> None:
    error = refusal(path, zipped([plain("manifest.json", manifest({}, **facts))]))

    assert type(error) is TamperedBundle
    assert "a manifest that Podium never wrote" in error.message


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"not json",
        b"\xff\xfe",
        manifest({})[:-1],
        manifest({}) + b"x",
        b'{"format":1,"options":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"format":1,"options":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b'{"format":' + b"9" * 5_000 + b"}",
        manifest({}).replace(b'"options":{}', b'"options":NaN'),
        manifest({}).replace(b"churn", b"ch\xffrn"),
    ],
    ids=range(13),
)
def test_a_manifest_that_is_no_json_of_ours_is_refused(path: Path, raw: bytes) -> None:
    assert type(refusal(path, zipped([plain("manifest.json", raw)]))) is TamperedBundle


class Changing(io.BytesIO):
    """A file that is another one from its fourth look on: two at its ends, one at all of it."""

    def __init__(self, first: bytes, then: bytes) -> None:
        super().__init__(first)
        self._then = then
        self._n_seeks = 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._n_seeks += 1
        if self._n_seeks == 4:
            super().seek(0)
            self.write(self._then)
        return super().seek(offset, whence)


def test_a_file_that_changes_after_it_was_verified_is_refused(path: Path) -> None:
    def bundle(content: bytes) -> bytes:
        return zipped([plain("manifest.json", manifest({"a": content})), plain("a", content)])

    good, evil = bundle(b"good"), bundle(b"evil")
    kept = archive._read(Changing(good, good), path, len(good), 1_000_000)

    assert kept.part("a") == b"good"
    with pytest.raises(TamperedBundle, match="another digest for a"):
        archive._read(Changing(good, evil), path, len(good), 1_000_000)
