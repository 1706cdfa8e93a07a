"""Files scored by pages and by the API: who may do what, and what they get."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium
from podium.access import Action, Actor
from podium.http import Request
from podium.jobs.job import Job, Preview
from podium.jobs.jobs import Jobs
from podium.outbox.lock import FileLock
from podium.records.store import RecordQuery
from podium.testing import Client
from podium.testing.client import Reply

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
MODEL = "logistic-1"
PAGE, API = f"/models/{MODEL}/jobs", f"/api/models/{MODEL}/jobs"
HEADER = b"island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n"
ROW = b"Torgersen,39.1,18.7,181,3750,male,2007\n"
CSV = HEADER + ROW
WAIT_S = 60.0
RIGHTS: dict[str, set[Action]] = {
    "ada": {Action.PREDICT},
    "bob": {Action.PREDICT, Action.SEE_OWN},
    "sue": {Action.PREDICT, Action.SEE},
    "max": set(Action),
}


def identify(request: Request) -> Actor | None:
    name = request.headers.get("x-who", "")
    if name not in RIGHTS:
        return None
    return Actor(name, name.title(), {MODEL: frozenset(RIGHTS[name])}, id=f"user:{name}")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An app with users, in which nobody runs jobs: another has all places."""
    home = tmp_path_factory.mktemp("jobs") / "home"
    (home / "jobs").mkdir(parents=True)
    places = [
        FileLock(home / "jobs" / f"{one}.lock") for one in ("run-1", "run-2", "look-1", "look-2")
    ]
    app = podium.App(str(BUNDLE), home=str(home), identify=identify, job_bytes_max=3_000_000)
    yield Client(app)
    app.close()
    for place in places:
        place.release()


@pytest.fixture
def jobs(client: Client) -> Iterator[Jobs]:
    found = client.app.site.jobs
    assert found is not None
    yield found
    for one in found.file.everything():
        found.delete(one)


def in_parts(content: bytes, name: str = "rows.csv", **fields: str) -> tuple[bytes, str]:
    lines = [b"--b"]
    for field, text in fields.items():
        lines += [f'Content-Disposition: form-data; name="{field}"'.encode(), b"", text.encode()]
        lines.append(b"--b")
    about = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    lines += [about.encode(), b"Content-Type: text/csv", b"", content, b"--b--", b""]
    return b"\r\n".join(lines), "multipart/form-data; boundary=b"


def send(client: Client, target: str, content: bytes, who: str = "ada", **more: str) -> Reply:
    body, media = in_parts(content, **more)
    return client.post(target, body=body, content_type=media, x_who=who)


def job_of(jobs: Jobs, reply: Reply) -> Job:
    return jobs.find(MODEL, reply.headers["location"].rpartition("/")[2])


def finish(jobs: Jobs, job: Job, **values: Any) -> Job:
    """A job as its process leaves it."""
    jobs.results_of(job).write_bytes(b"a,prediction\n1,Adelie\n")
    jobs.report_of(job).write_bytes(b"line,field\n")
    ended = jobs.file.change(job.id, (job.state,), state="done", n_rows=1, **values)
    assert ended is not None
    return ended


def test_a_file_from_a_program_waits_for_its_turn(client: Client, jobs: Jobs):
    reply = send(client, API, CSV, "bob", record="false")

    job = job_of(jobs, reply)
    assert reply.status == 202
    assert reply.json()["state"] == "waiting"
    assert (job.file, job.format, job.is_recorded, job.actor) == ("rows.csv", ".csv", False, "bob")
    assert jobs.input_of(job).read_bytes() == CSV
    shown = client.get(reply.headers["location"], x_who="bob").json()
    assert (shown["state"], shown["rows"], shown["jobs_before"]) == ("waiting", 0, 0)


def test_a_body_is_a_file_by_its_content_type(client: Client, jobs: Jobs):
    media = "application/x-ndjson; charset=utf-8"
    reply = client.post(
        f"{API}?name=Oct%20ober&file=../b.txt", body=b"{}", content_type=media, x_who="ada"
    )

    job = job_of(jobs, reply)
    assert (job.name, job.file, job.format) == ("Oct ober", "b.txt", ".txt")
    other = client.post(API, body=b"{}", content_type=media, x_who="ada")
    assert job_of(jobs, other).format == ".ndjson"


def test_a_job_stays_on_the_version_that_was_the_champion(client: Client, jobs: Jobs):
    job = job_of(jobs, send(client, API, CSV))

    # A copy that never changes, whatever is promoted meanwhile.
    assert Path(job.path).parent == jobs.home.absolute() / "versions"
    assert podium.load(job.path).digest == job.digest


def test_a_long_file_goes_to_the_disk_while_it_comes(client: Client, jobs: Jobs):
    content = HEADER + ROW * 50_000

    reply = send(client, API, content)

    assert reply.status == 202
    assert jobs.input_of(job_of(jobs, reply)).read_bytes() == content
    assert list(jobs.folder.glob(".upload*")) == []


@pytest.mark.parametrize(
    ("content", "name", "status", "why"),
    [
        (b"x" * 3_000_001, "rows.csv", 413, "longer than the 3000000 bytes"),
        (b"", "rows.csv", 400, "the file is empty"),
        (b"", "", 400, "no file was sent"),
        (CSV, "rows.pdf", 415, "rows.pdf is of no format"),
        (CSV, "rows.parquet.gz", 415, "is of no format"),
    ],
    ids=["long", "empty", "none", "format", "packed"],
)
def test_what_cant_be_scored_is_refused_and_leaves_nothing(
    client: Client, jobs: Jobs, content: bytes, name: str, status: int, why: str
):
    body, media = in_parts(content, name)
    replies = [
        client.post(target, body=body, content_type=media, x_who="ada")
        for target in (API, f"{PAGE}/upload")
    ]

    assert [one.status for one in replies] == [status] * 2
    assert why in replies[0].json()["detail"]
    assert jobs.file.everything() == []
    assert [path.name for path in jobs.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(("name", "record"), [("a\x00b", "true"), ("a", "perhaps")])
def test_what_comes_with_a_file_is_checked(client: Client, jobs: Jobs, name: str, record: str):
    body, media = in_parts(CSV)
    target = f"{API}?record={record}&name=" + name.replace("\x00", "%01%EF%BF%BF")

    reply = client.post(target, body=body, content_type=media, x_who="ada")

    assert reply.status in (202, 400)
    assert reply.status == 202 or "record is 'perhaps'" in reply.json()["detail"]


def test_somebody_sees_their_jobs_and_who_sees_all_records_all(client: Client, jobs: Jobs):
    mine = job_of(jobs, send(client, API, CSV, "ada"))
    paths = [f"{API}/{mine.id}", f"{PAGE}/{mine.id}"]

    statuses = {who: [client.get(one, x_who=who).status for one in paths] for who in RIGHTS}

    assert statuses == {"ada": [200, 200], "bob": [404, 404], "sue": [200, 200], "max": [200, 200]}
    listed = {who: len(client.get(API, x_who=who).json()["jobs"]) for who in RIGHTS}
    assert listed == {"ada": 1, "bob": 0, "sue": 1, "max": 1}
    assert client.get(API).status == 401
    assert client.get(f"/api/models/other/jobs/{mine.id}", x_who="ada").status == 404


def test_who_sees_a_job_may_not_end_it_but_who_manages_the_model(client: Client, jobs: Jobs):
    job = job_of(jobs, send(client, API, CSV, "ada"))

    def end(who: str) -> int:
        return client.request("DELETE", f"{API}/{job.id}", headers={"x_who": who}).status

    assert [end(who) for who in ("bob", "sue", "max")] == [404, 403, 200]
    assert jobs.find(MODEL, job.id).state == "cancelled"
    assert end("ada") == 204  # it had ended, and is gone
    assert end("ada") == 404


def test_results_are_there_when_all_of_them_are(client: Client, jobs: Jobs):
    job = job_of(jobs, send(client, API, CSV, name='Müller "1".csv'))
    before = [
        client.get(f"{API}/{job.id}/{one}", x_who="ada").status for one in ("results", "refused")
    ]
    finish(jobs, job, n_refused=1)

    reply = client.get(f"{API}/{job.id}/results", x_who="ada")

    assert before == [404, 404]
    assert reply.body == b"a,prediction\n1,Adelie\n"
    assert reply.headers["content-length"] == "22"
    assert "filename*=UTF-8''M%C3%BCller%20" in reply.headers["content-disposition"]
    assert "\n" not in reply.headers["content-disposition"]
    links = client.get(f"{API}/{job.id}", x_who="ada").json()["links"]
    assert client.get(links["refused"], x_who="ada").body == b"line,field\n"
    assert client.get(links["results"], x_who="bob").status == 404


def test_a_page_shows_the_columns_and_starts(client: Client, jobs: Jobs):
    sent = send(client, f"{PAGE}/upload", CSV)
    job = job_of(jobs, sent)
    here = sent.headers["location"]
    assert sent.status == 303
    assert '<meta http-equiv="refresh" content="2">' in client.get(here, x_who="ada").text
    preview = Preview(
        columns=(("nr", ""), ("island", "island")),
        predicted=("prediction",),
        rows=(("1", "<b>", "Adelie"),),
        n_rows=1,
    )
    jobs.file.change(job.id, ("new",), state="ready", preview=msgspec.json.encode(preview))

    text = client.get(here, x_who="ada").text
    started = client.send_form(
        here, {"act": "start", "name": " Octo \n ber ", "record": "true"}, x_who="ada", follows=True
    )

    assert "1 of 2 columns are fields" in text
    assert "&lt;b&gt;" in text
    assert 'http-equiv="refresh"' not in text
    assert "Waiting for its turn" in started.text
    job = jobs.find(MODEL, job.id)
    assert (job.state, job.name, job.is_recorded) == ("waiting", "Octo ber", True)
    again = client.send_form(here, {"act": "start", "name": "b"}, x_who="ada", follows=True)
    assert "Octo ber" in again.text


def test_columns_are_chosen_once_each(client: Client, jobs: Jobs):
    job = job_of(jobs, send(client, f"{PAGE}/upload", CSV))
    names = ("a", "b")
    preview = msgspec.json.encode(
        Preview(
            columns=tuple((name, "") for name in names), needed=("year",), lacking=("year", "sex")
        )
    )
    jobs.file.change(job.id, ("new",), state="ready", preview=preview)
    here = f"{PAGE}/{job.id}"

    def choose(**fields: str) -> Reply:
        sent = {f"field-{name}": column for name, column in fields.items()}
        return client.send_form(here, {"act": "columns", **sent}, x_who="ada")

    assert 'name="field-year"' in client.get(here, x_who="ada").text
    twice, other, unknown = choose(year="a", sex="a"), choose(year="c"), choose(nothing="a")
    assert [one.status for one in (twice, other, unknown)] == [400, 400, 400]
    cant = client.send_form(here, {"act": "start"}, x_who="ada")
    assert (cant.status, "lacks columns" in cant.text) == (400, True)

    assert choose(year="b", sex="").status == 303

    job = jobs.find(MODEL, job.id)
    assert (job.state, job.fields) == ("new", {"b": "year"})


@pytest.mark.parametrize("state", ["waiting", "running", "done", "failed", "cancelled"])
def test_every_state_has_a_page_and_a_line(client: Client, jobs: Jobs, state: Any):
    job = job_of(jobs, send(client, API, CSV, "ada", name="שלום.csv"))
    more = {
        "began_us": job.created_us,
        "n_rows": 5_000,
        "n_read": 20,
        "n_refused": 3,
        "error": "<oh>",
    }
    jobs.file.change(job.id, ("waiting",), state=state, **more)

    page = client.get(f"{PAGE}/{job.id}", x_who="ada")
    listed = client.get(PAGE, x_who="sue")

    assert (page.status, listed.status) == (200, 200)
    assert "שלום.csv" in page.text
    assert "שלום.csv" in listed.text
    assert ("Delete it" in page.text) == (state in ("done", "failed", "cancelled"))
    assert "<oh>" not in page.text
    sue = client.get(f"{PAGE}/{job.id}", x_who="sue").text
    assert "Delete it" not in sue
    assert ">Cancel<" not in sue


def test_an_unknown_button_changes_nothing(client: Client, jobs: Jobs):
    job = job_of(jobs, send(client, API, CSV))

    reply = client.send_form(f"{PAGE}/{job.id}", {"act": "explode"}, x_who="ada")

    assert reply.status == 400
    assert jobs.find(MODEL, job.id) == job


def test_where_jobs_are_off_nothing_leads_to_them(tmp_path: Path):
    app = podium.App(str(BUNDLE), home=str(tmp_path), job_bytes_max=0)
    client = Client(app)

    assert client.get(API).status == 404
    assert send(client, API, CSV).status in (404, 413)
    assert "Score a file" not in client.get(f"/models/{MODEL}").text
    assert API not in client.get("/openapi.json").json()["paths"]
    app.close()


@pytest.mark.slow
def test_rows_are_recorded_once_with_the_name_of_the_job(tmp_path: Path):
    app = podium.App(str(BUNDLE), home=str(tmp_path))
    client = Client(app)
    rows = HEADER + ROW * 3 + b"Nowhere,1,1,1,1,male,2007\n"
    job = send(client, API, rows, name="rows.csv").json()

    def state() -> str:
        return client.get(f"{API}/{job['id']}").json()["state"]

    until(lambda: state() == "done")
    jobs = app.site.jobs
    assert jobs is not None
    # Its process is cut after it recorded everything, and begins again.
    assert jobs.file.change(job["id"], ("done",), state="waiting") is not None
    until(lambda: state() == "done")

    page = client.get(f"{PAGE}/{job['id']}").text
    (link,) = re.findall(r'href="(/models/logistic-1/records\?id=\w+)"', page)
    assert client.get(link).text.count("Adelie") >= 3
    store = app.site.store
    assert store is not None
    records = store.page(RecordQuery(model=MODEL), limit=10).records
    app.close()
    assert len(records) == 3
    assert {one.source for one in records} == {"job"}
    assert [one.row_index for one in records] == [2, 1, 0]
    assert {one.request_id for one in records} == {records[-1].id}
    assert msgspec.json.decode(records[0].attributes or b"") == {"job": job["id"]}
    assert msgspec.json.decode(records[0].outputs)["prediction"] == "Adelie"


def until(holds: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < limit_s
        time.sleep(0.05)
