"""The inbox: whose records wait there, what one line gives, and what comes of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.records.record import Record
from podium.testing import Client
from podium.testing.client import Reply
from podium.testing.stores.samples import NOON_US
from podium.web import feedback, feedback_rows

LOANS = {"loans": frozenset({Action.FEEDBACK, Action.SEE_OWN})}
ACTORS = {
    "ada": Actor("ada", "Ada", {ALL: frozenset(Action)}, id="user:1"),
    "own": Actor("own", "Own", LOANS, id="user:2"),
    "blind": Actor("blind", "Blind", {"loans": frozenset({Action.FEEDBACK})}, id="user:3"),
    "reader": Actor("reader", "Reader", {"loans": frozenset({Action.SEE})}, id="user:4"),
}
INBOX = "/models/loans/inbox"


def id_of(number: int) -> str:
    return f"{number:032x}"


def record(number: int, **said: Any) -> Record:
    values: dict[str, Any] = {
        "id": id_of(number),
        "time_us": NOON_US + number,
        "model": "loans",
        "version": "1",
        "inputs": msgspec.json.encode({"age": 1_000 + number}),
        "outputs": b'{"prediction":"yes","warnings":[]}',
        "outcome": "yes",
        "owner": "user:2" if number % 2 else "user:9",
        "business_key": f"k{number % 3}",
    }
    return Record(**(values | said))


@pytest.fixture
def client(models_file: Path, tmp_path: Path) -> Iterator[Client]:
    """Thirty loans, and a flight of another model."""
    models = (f"{models_file}:{name}" for name in ("loans", "arrival"))
    app = podium.App(
        *models,
        home=str(tmp_path),
        identify=lambda request: ACTORS.get(request.headers.get("x-who", "")),
    )
    records = [record(n) for n in range(1, 31)]
    records.append(record(40, role="shadow"))
    records.append(record(50, model="arrival-delay", outcome="1.5", outcome_number=1.5))
    app.site.store.insert(records)  # type: ignore[union-attr]
    yield Client(app)
    app.close()


def ids_in(page: Reply) -> list[int]:
    assert page.status == 200, page.text
    return [int(one, 16) for one in re.findall(r'name="id" value="([0-9a-f]{32})"', page.text)]


def truth_of(client: Client, number: int) -> Any:
    found = client.app.site.store.get(id_of(number))
    return None if found.feedback is None else msgspec.json.decode(found.feedback.truth)


def test_what_waits_is_listed_page_by_page_in_either_order(client):
    first = client.get(INBOX, x_who="ada")
    oldest = client.get(f"{INBOX}?order=oldest", x_who="ada")

    assert ids_in(first) == list(range(30, 5, -1))
    assert ids_in(oldest) == list(range(1, 26))
    for page, rest in ((first, list(range(5, 0, -1))), (oldest, list(range(26, 31)))):
        (there,) = re.findall(r'href="([^"]*)" rel="next"', page.text)
        after = client.get(there.replace("&amp;", "&"), x_who="ada")
        assert ids_in(after) == rest
        assert 'rel="prev"' in after.text


def test_a_key_leaves_its_records(client):
    assert ids_in(client.get(f"{INBOX}?key=k1", x_who="ada")) == list(range(28, 0, -3))
    assert "No record with this key" in client.get(f"{INBOX}?key=x", x_who="ada").text


def test_everybody_finds_what_they_may_see(client):
    own = client.get(INBOX, x_who="own")
    blind = client.get(INBOX, x_who="blind")

    assert ids_in(own) == list(range(29, 0, -2))
    assert "1030" not in own.text
    assert ids_in(blind) == []
    assert "1029" not in blind.text
    assert 'type="file"' in blind.text
    assert client.get(INBOX, x_who="reader").status == 403
    assert (
        'href="/models/loans/inbox"' not in client.get("/models/loans/records", x_who="reader").text
    )


def test_a_line_is_answered_and_the_list_goes_on_in_its_place(client):
    page = client.get(f"{INBOX}?key=k0&order=oldest", x_who="ada")
    (action,) = set(re.findall(r'method="post" action="([^"]*)" class="quick"', page.text))
    assert re.findall(r'name="truth" value="(\w+)"', page.text)[:2] == ["no", "yes"]
    sent = {"id": id_of(6), "at": "1", "truth": "no"}

    reply = client.send_form(action.replace("&amp;", "&"), sent, x_who="ada")
    after = client.get(reply.headers["location"], x_who="ada")

    assert reply.status == 303
    assert truth_of(client, 6) == "no"
    assert ids_in(after) == [3, *range(9, 31, 3)]
    assert "Saved." in after.text
    focused = after.text[: after.text.index("autofocus")]
    assert focused.rindex(id_of(9)) > focused.rindex(id_of(3))
    assert after.text.count("autofocus") == 1


def test_a_truth_that_is_none_stays_on_its_line(client):
    sent = {"id": id_of(3), "at": "0", "truth": "<maybe>"}

    reply = client.send_form(f"{INBOX}?key=k0", sent, x_who="ada")

    assert reply.status == 422
    assert "no, yes" in reply.text
    assert "<maybe>" not in reply.text
    assert truth_of(client, 3) is None


@pytest.mark.parametrize(
    ("number", "who", "status"),
    [(50, "ada", 404), (99, "ada", 404), (2, "reader", 403), (2, "own", 303), (2, "blind", 303)],
)
def test_a_line_is_taken_from_whoever_may_give_feedback(client, number, who, status):
    sent = {"id": id_of(number), "truth": "no"}

    assert client.send_form(INBOX, sent, x_who=who).status == status
    assert (truth_of(client, number) if number < 50 else None) == ("no" if status == 303 else None)


def test_a_number_has_a_field_and_a_long_list_of_classes_a_menu(client):
    page = client.get("/models/arrival-delay/inbox", x_who="ada")

    assert re.search(r'<input type="number" step="any" id="truth-0" name="truth"', page.text)
    sent = {"id": id_of(50), "truth": "2.5"}
    assert client.send_form("/models/arrival-delay/inbox", sent, x_who="ada").status == 303
    assert truth_of(client, 50) == 2.5


def upload(
    client: Client, content: bytes, name: str = "truth.csv", who: str = "ada", **fields: str
) -> Reply:
    """The form with a file, as a browser sends it."""
    lines = [
        f'--xx\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--xx\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body = "".join(lines).encode() + head.encode() + b"Content-Type: text/csv\r\n\r\n"
    body += content + b"\r\n--xx--\r\n"
    media = "multipart/form-data; boundary=xx"
    return client.request(
        "POST", f"{INBOX}/file", body=body, headers={"content-type": media, "x-who": who}
    )


def test_a_file_is_added_and_every_other_row_accounted_for(client):
    rows = [f"k{n},,no" for n in (1, 7)] + [f",{id_of(n)},maybe" for n in range(2, 26)]
    reply = upload(client, "\n".join(["key,id,truth", *rows, "=1+1,,no"]).encode())

    assert reply.status == 200
    assert "1 row was added" in reply.text
    assert "To 11 records. 2 unknown, 24 refused." in reply.text
    assert reply.text.count("<tr><td>") == 20
    assert "And 6 more." in reply.text
    assert truth_of(client, 4) == "no"
    again = upload(client, b"key,truth\nk1,no\n")
    assert "1 row was added" in again.text
    found = client.app.site.store.get(id_of(4))
    assert found.feedback.earlier is None


def test_one_may_upload_without_seeing_any_record(client):
    reply = upload(client, b"key,truth\nk1,no\n", who="blind")

    assert "To 11 records." in reply.text
    assert "1030" not in reply.text
    assert upload(client, b"key,truth\nk1,no\n", who="reader").status == 403


def test_a_file_that_takes_too_long_goes_on_where_it_stopped(client, monkeypatch):
    monkeypatch.setattr(feedback, "FEEDBACK_S", -1.0)
    monkeypatch.setattr(feedback_rows, "CHUNK_ROWS", 4)
    content = "\n".join(["id,truth", *(f"{id_of(n)},no" for n in range(1, 11))]).encode()

    first = upload(client, content)
    skips = re.findall(r'name="skip" value="(\d+)"', first.text)
    second = upload(client, content, skip=skips[0])
    third = upload(client, content, skip="8")

    assert skips == ["4"]
    assert "6 rows at the end are left" in first.text
    assert re.findall(r'name="skip" value="(\d+)"', second.text) == ["8"]
    assert "are left" not in third.text
    assert [truth_of(client, n) for n in range(1, 12)] == ["no"] * 10 + [None]


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"key,truth\nk1,no\n", "truth.xlsx", 415),
        (b"key,truth\nk1,no\n", "", 415),
        (b"", "truth.csv", 400),
        (b"key,what\nk1,no\n", "truth.csv", 400),
        (b"\x00\xff\xfe" * 99, "truth.csv", 400),
        (b"," * 200_000, "truth.csv", 413),
        (b"key,truth\n" + b"k1,no\n" * 100_001, "truth.csv", 413),
        (b'key,truth\n"' + b"k" * 900_000, "truth.csv", 400),
    ],
)
def test_a_file_that_is_no_table_adds_nothing(client, content, name, status):
    reply = upload(client, content, name)

    assert reply.status == status
    assert "rows were added" not in reply.text
    assert truth_of(client, 1) is None


def test_the_file_must_come_in_its_form(client):
    reply = client.send_form(f"{INBOX}/file", {"file": "key,truth"}, x_who="ada")

    assert reply.status == 415
    assert "/api/models/loans/feedback" in reply.text
