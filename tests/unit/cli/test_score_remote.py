"""`podium score` of files elsewhere: read by URL, written as a whole or not at all."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    """A store in this process."""
    store = fsspec.filesystem("memory")
    yield store
    store.rm("/", recursive=True)


@pytest.fixture
def birds(penguins_rows: pd.DataFrame, here: Path) -> Path:
    """Penguins as CSV and Parquet, one of which is refused."""
    rows = penguins_rows.copy()
    rows.loc[5, "island"] = "nowhere"
    rows.to_csv("birds.csv", index=False)
    rows.to_parquet("birds.parquet")
    return here


@pytest.mark.parametrize("end", ["csv", "csv.gz", "parquet"])
def test_what_is_written_there_is_what_is_written_here(
    penguins: Path, birds: Path, memory: fsspec.AbstractFileSystem, podium_run: Command, end: str
):
    given = "birds.parquet" if end == "parquet" else "birds.csv"
    memory.put_file(given, f"/rows/{given}")

    code, _, err = podium_run(
        "score", penguins, f"memory://rows/{given}", "-o", f"memory://rows/out.{end}"
    )
    podium_run("score", penguins, given, "-o", f"here.{end}")

    assert code == 3, err
    assert memory.cat(f"/rows/out.{end}") == Path(f"here.{end}").read_bytes()
    report = Path(f"out.{end}.errors.csv").read_text()
    assert report == Path(f"here.{end}.errors.csv").read_text()
    assert f": memory://rows/out.{end}" in err


def test_a_file_there_is_replaced_by_force_alone_and_kept_where_scoring_fails(
    penguins: Path, birds: Path, memory: fsspec.AbstractFileSystem, podium_run: Command
):
    memory.pipe("/out.csv", b"before")
    told = ("score", penguins, "birds.csv", "-o", "memory://out.csv")

    code, _, err = podium_run(*told)
    assert (code, memory.cat("/out.csv")) == (1, b"before")
    assert "memory://out.csv exists already" in err

    code, _, _ = podium_run(*told, "--force", "--limit-errors", "1")
    assert (code, memory.cat("/out.csv")) == (3, b"before")

    code, _, _ = podium_run(*told, "--force")
    assert code == 3
    assert memory.cat("/out.csv").startswith(b"species,island,")


def test_a_server_of_files_is_read(penguins: Path, birds: Path, podium_run: Command):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(birds))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/birds.csv"
        code, _, err = podium_run("score", penguins, url, "-o", "out.csv")
        missing, _, why = podium_run("score", penguins, url + ".none.csv", "-o", "other.csv")
        ended = url.replace(".csv", ".parquet")  # read from its end
        from_end, _, _ = podium_run("score", penguins, ended, "-o", "other.csv")
        unsent, _, refused = podium_run("score", penguins, "birds.csv", "-o", url + ".csv")
        server.shutdown()

    assert (code, missing, from_end, unsent) == (3, 1, 3, 1), err
    assert "birds.csv.csv can't be written: " in refused  # 501, or its socket is closed by then
    assert Path("out.csv").read_text().count("\n") == 345
    assert "can't be read" in why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nothing://rows/birds.csv", "nothing://rows/birds.csv can't be opened"),
        ("memory://rows/none.csv", "memory://rows/none.csv can't be read"),
        ("memory://rows/birds.doc", "rows/birds.doc is not of a supported format"),
        ("ftp://me:secret@127.0.0.1:1/birds.csv", "ftp://...@127.0.0.1:1/birds.csv can't be read"),
    ],
)
def test_what_cannot_be_opened_is_told_without_its_password(
    penguins: Path, here: Path, podium_run: Command, url: str, why: str
):
    code, _, err = podium_run("score", penguins, url, "-o", "out.csv")

    assert code == 1
    assert why in err
    assert "secret" not in err
    assert not Path("out.csv").exists()
