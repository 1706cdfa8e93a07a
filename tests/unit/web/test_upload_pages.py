"""Uploads: a bundle is tried and registered, anything else is told and leaves nothing behind."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle.members import Member, _directory
from podium.bundle.seal import blank_seal, seal
from podium.deployments import upload
from podium.deployments.version_files import LEFT_S
from podium.http import Request
from podium.runtimes.python import load_function
from podium.testing import Client
from podium.testing.client import Reply

API = "/api/models/sums/versions"
PAGE = "/models/sums/versions"
FORM = f"{PAGE}/upload"
BYTES_MAX = 300_000


def packed(folder: Path, factor: int, name: str = "sums", **more: Any) -> bytes:
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, factor * frame["x"])
    path = folder / f"{name}-{factor}.podium"
    podium.pack(model, frame, name=name, version=f"v{factor}", path=path, **more)
    return path.read_bytes()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("bundles")
    return [packed(folder, factor) for factor in (1, 2)]


class Place(NamedTuple):
    client: Client
    home: Path

    @property
    def left(self) -> list[str]:
        """The names of what is in the folder of versions, without the first one's."""
        found = sorted(path.name for path in (self.home / "versions").iterdir())
        first = self.client.app.versions.registry.find("sums", "v1").digest
        return [name for name in found if not name.startswith(first)]


@pytest.fixture(
    params=[
        pytest.param(2**20, id="short", marks=pytest.mark.slow),  # a process for each bundle
        pytest.param(256, id="long"),
    ]
)
def place(request: Any, bundles: list[bytes], tmp_path: Path) -> Iterator[Place]:
    """An app to which these bundles are short bodies, or long ones that go to a file."""
    (tmp_path / "first.podium").write_bytes(bundles[0])
    home = tmp_path / "home"
    app = podium.App(
        tmp_path / "first.podium",
        home=str(home),
        body_max_bytes=request.param,
        version_bytes_max=BYTES_MAX,
        is_local=True,
    )
    yield Place(Client(app), home)
    app.close()


def send(place: Place, content: bytes, target: str = API) -> Reply:
    return place.client.post(target, body=content, content_type="application/octet-stream")


def in_parts(content: bytes, *, file: str = "bundle", note: str = "") -> tuple[bytes, str]:
    lines = [
        b"--b",
        b'Content-Disposition: form-data; name="note"',
        b"",
        note.encode(),
        b"--b",
        b'Content-Disposition: form-data; name="%b"; filename="../../x.podium"' % file.encode(),
        b"Content-Type: application/octet-stream",
        b"",
        content,
        b"--b--",
        b"",
    ]
    return b"\r\n".join(lines), "multipart/form-data; boundary=b"


@pytest.mark.slow
def test_a_bundle_is_registered_and_not_promoted(place, bundles):
    reply = send(place, bundles[1], f"{API}?note=better")
    again = send(place, bundles[1])
    served = place.client.post("/api/models/sums/predict", {"x": 1}).json()["version"]
    versions = place.client.get(API).json()["versions"]

    assert (reply.status, again.status) == (201, 200)
    assert (reply.json()["version"], reply.json()["note"]) == ("v2", "better")
    assert again.json()["digest"] == reply.json()["digest"]
    assert [one["version"] for one in versions] == ["v2", "v1"]
    assert served == "v1"
    digest = reply.json()["digest"]
    assert place.left == [f"{digest}.checked", f"{digest}.podium"]


@pytest.mark.slow
def test_the_form_of_the_page_leads_to_the_question_whether_to_promote(place, bundles):
    page = place.client.get(PAGE).text
    body, media = in_parts(bundles[1], note="<b>")
    sent = place.client.post(FORM, body=body, content_type=media)
    question = place.client.get(sent.headers["location"]).text

    assert f'action="{FORM}"' in page
    assert 'type="file"' in page
    assert sent.status == 303
    assert "Promote version <bdi>v2</bdi>?" in question
    assert "&lt;b&gt;" in question
    assert place.client.app.versions.registry.versions("sums")[0].note == "<b>"


@pytest.mark.slow
def test_a_refused_form_leads_back_to_its_page(place):
    body, media = in_parts(b"hello")

    reply = place.client.post(FORM, body=body, content_type=media, accept="text/html")

    assert reply.status == 422
    assert "<h1>Not accepted</h1>" in reply.text
    assert "The file isn&#39;t a bundle." in reply.text
    assert f'href="{PAGE}">Back</a>' in reply.text
    assert PAGE not in place.client.get("/models/none", accept="text/html").text


def manifest(parts: dict[str, bytes], **facts: Any) -> bytes:
    stated = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in parts.items()
    }
    given: dict[str, Any] = {
        "format": 1,
        "name": "sums",
        "version": "3",
        "runtime": "program",
        "podium": "0.1.0",
        "created": "2026-01-01T00:00:00Z",
        "requires": [],
        "options": {},
        "parts": stated,
    }
    return json.dumps(given | facts, separators=(",", ":")).encode()


def sealed(members: list[tuple[str, int, bytes, int]]) -> bytes:
    """A sealed zip, laid out as ours, of members as they come: name, method, content, size."""
    out, placed = io.BytesIO(), []
    for name, method, content, n_bytes in members:
        placed.append(Member(name, method, 0, len(content), n_bytes, out.tell()))
        out.write(placed[-1].header + content)
    out.write(_directory(placed))
    seal(out)
    return out.getvalue()


def bomb(n_stated: int, n_real: int) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = deflater.compress(bytes(n_real)) + deflater.flush()
    head = manifest({"model/a": b""})
    return sealed(
        [("manifest.json", 0, head, len(head)), ("model/a", 8, content, n_stated)],
    )


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        link = zipfile.ZipInfo("model/link")
        link.external_attr = 0o120777 << 16
        file.writestr("manifest.json", manifest({}))
        file.writestr(link, "/etc/passwd")
        file.comment = blank_seal()
    seal(out)
    return out.getvalue()


def traversal(name: str, **facts: Any) -> bytes:
    head = manifest({}, **facts)
    members = [("manifest.json", 0, head, len(head))]
    return sealed([*members, *([(name, 0, b"x", 1)] if name else [])])


def broken(kind: str, whole: bytes) -> bytes:
    return {
        "empty": lambda: b"",
        "json": lambda: b'{"x": 1}',
        "pickle": lambda: b"\x80\x05K\x01.",
        "cut": lambda: whole[:-200],
        "flipped": lambda: whole[:500] + bytes([whole[500] ^ 1]) + whole[501:],
        "appended": lambda: whole + b"more",
        "seal": lambda: whole[:-64] + b"0" * 64,
        "newer seal": lambda: whole.replace(b"podium-bundle 1 ", b"podium-bundle 2 "),
        "newer format": lambda: traversal("", format=2),
        "stated bomb": lambda: bomb(3 << 30, 10),
        "ratio bomb": lambda: bomb(200 << 20, 10),
        "lying bomb": lambda: bomb(1_000, 50_000_000),
        "symlink": zipped,
        "traversal": lambda: traversal("../../../tmp/x"),
        "runtime": lambda: traversal("", runtime="os:system"),
        "nothing in it": lambda: traversal(""),
    }[kind]()


REFUSED = {
    "empty": (400, "no bundle was sent"),
    "json": (422, "isn't a bundle"),
    "pickle": (422, "looks like a pickle"),
    "cut": (422, "no seal at its end"),
    "flipped": (422, "was changed after packing"),
    "appended": (422, "goes on for 4 bytes"),
    "seal": (422, "was changed after packing"),
    "newer seal": (422, "seal of version 2"),
    "newer format": (422, "has format 2"),
    "stated bomb": (422, "would unpack to 3,221"),
    "ratio bomb": (422, "would unpack to 209,7"),
    "lying bomb": (422, "disagree"),
    "symlink": (422, "isn't laid out as Podium writes bundles"),
    "traversal": (422, "a name that Podium never writes"),
    "runtime": (422, "has no part"),
    "nothing in it": (422, "has no part"),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", [256], indirect=True, ids=["long"])
def test_broken_bundles_are_told_and_leave_nothing(place, bundles):
    for kind, (status, why) in REFUSED.items():
        reply = send(place, broken(kind, bundles[1]))
        told = reply.json()
        assert reply.status == status, (kind, told)
        assert why in told["detail"], kind
        assert told["hint"], kind
        assert str(place.home) not in reply.text, kind
        assert place.left == [], kind

    assert [one.name for one in place.client.app.versions.registry.versions("sums")] == ["v1"]


@pytest.mark.slow
def test_a_version_of_another_model_is_told(place, tmp_path):
    reply = send(place, packed(tmp_path, 2, "others"))

    assert (reply.status, reply.json()["code"]) == (422, "unusable_version")
    assert "is a version of 'others', not of 'sums'" in reply.json()["detail"]
    assert place.left == []


@pytest.mark.slow
def test_what_runs_code_of_its_author_is_refused_whatever_is_trusted(place, tmp_path):
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, frame["x"])
    joblib.dump(model, tmp_path / "model.joblib")
    function = tmp_path / f"declared_{place.client.app.settings.body_max_bytes}.py"
    function.write_text(
        "import podium\n@podium.model\ndef sums(x: float) -> float:\n    return x\n"
    )
    bundle = podium.pack(load_function(f"{function}:sums"), name="sums", path=tmp_path)
    raw = send(place, (tmp_path / "model.joblib").read_bytes())
    packed_function = send(place, bundle.path.read_bytes())

    assert (raw.status, packed_function.status) == (422, 422)
    assert "runtime 'python' isn't accepted by upload" in packed_function.json()["detail"]
    assert place.left == []


@pytest.mark.parametrize(
    ("body", "media", "why"),
    [
        (b"", "multipart/form-data; boundary=b", "incomplete"),
        (b"--b\r\n\r\n", "multipart/form-data", "no boundary"),
        (in_parts(b"x")[0][:-20], "multipart/form-data; boundary=b", "incomplete"),
        (in_parts(b"x", file="other")[0], "multipart/form-data; boundary=b", "one file"),
        (in_parts(b"", note="n")[0], "multipart/form-data; boundary=b", "the file is empty"),
        (in_parts(b"x", note="n" * 20_000)[0], "multipart/form-data; boundary=b", "too long"),
        (b"version=1", "application/x-www-form-urlencoded", "only the form"),
    ],
    ids=["empty", "boundary", "cut", "other field", "no file", "long field", "no form"],
)
def test_other_forms_are_told_and_leave_nothing(place, body, media, why):
    reply = place.client.post(FORM, body=body, content_type=media, accept="application/json")

    assert reply.status in (400, 415)
    assert why in reply.json()["detail"]
    assert place.left == []


def test_too_long_a_bundle_is_not_read(place):
    reply = send(place, bytes(BYTES_MAX + 1))

    assert (reply.status, reply.json()["code"]) == (413, "too_large")
    assert place.left == []


def test_a_length_that_lies_is_told(place, bundles):
    longer, shorter = (
        place.client.post(API, body=bundles[1], content_length=str(len(bundles[1]) + n))
        for n in (300, -300)
    )

    assert (longer.status, longer.json()["code"]) == (400, "malformed_body")
    assert shorter.status in (400, 413)
    assert place.left == []


def test_a_disk_without_room_is_told(place, bundles, monkeypatch):
    usage = shutil.disk_usage(place.home)
    full = usage._replace(free=upload.SPARE_BYTES + 100)
    monkeypatch.setattr(upload.shutil, "disk_usage", lambda _: full)

    reply = send(place, bundles[1])

    assert (reply.status, reply.json()["code"]) == (507, "no_space")
    assert "has room for 100" in reply.json()["detail"]
    assert place.left == []


@pytest.mark.slow
def test_others_wait_while_two_are_tried(place, bundles):
    with place.client.app.site.uploads.begun(10), place.client.app.site.uploads.begun(10):
        reply = send(place, bundles[1])
    later = send(place, bundles[1])

    assert (reply.status, reply.json()["code"]) == (503, "overloaded")
    assert later.status == 201


@pytest.mark.slow
def test_two_who_upload_the_same_at_once_get_the_same_version(place, bundles):
    replies: list[Reply] = []
    threads = [
        threading.Thread(target=lambda: replies.append(send(place, bundles[1]))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {one.status for one in replies} <= {200, 201}
    assert len({one.json()["digest"] for one in replies}) == 1
    assert len(place.client.app.versions.registry.versions("sums")) == 2
    assert len(place.left) == 2


@pytest.mark.slow
def test_what_a_killed_process_left_is_removed_by_the_next_upload(place, bundles):
    left, young = (place.home / "versions" / f".upload-{n}.tmp" for n in ("old", "young"))
    for path in (left, young):
        path.write_bytes(b"half")
    then_s = time.time() - 2 * LEFT_S
    os.utime(left, (then_s, then_s))
    send(place, bundles[1])

    assert not left.exists()
    assert young.exists()


@pytest.mark.parametrize("place", [256], indirect=True, ids=["long"])
def test_who_is_not_known_uploads_only_on_this_machine(place, bundles):
    object.__setattr__(place.client.app.site, "is_local", False)

    reply = send(place, bundles[1])

    assert (reply.status, reply.json()["code"]) == (403, "not_allowed")
    assert "Upload a version" not in place.client.get(PAGE).text
    assert isinstance(place.client.app.site.authority.of_api(Request("GET", "/")).name, str)
