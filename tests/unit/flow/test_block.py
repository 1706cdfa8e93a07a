"""A block holds what the records of its rows would: the same bytes, whatever the model and the format."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_linnerud
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression

import podium
from podium.access import Actor
from podium.flow import record
from podium.flow.block import BLOCK_ROWS_MIN
from podium.flow.formats.arrow import ARROW, stream_of
from podium.flow.formats.json_rows import JSON
from podium.flow.limits import CHUNK_ROWS
from podium.flow.prepare import prepare
from podium.flow.record import records_of
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.run import run
from podium.flow.version import LoadedVersion
from podium.outbox.segment import packed_in_chunks, unpacked
from podium.records.block import Block, records_in
from podium.records.record import Ids, Record

CSV = "text/csv"
ADA = Actor("ada", id="user:7")
N_ROWS = 20


@podium.model
def echo(
    day: dt.date,
    at: dt.datetime,
    n: int | None,
    k: int,
    x: float | None,
    yes: bool,
    maybe: bool | None,
    kind: Literal["a", "ü"] | None,
    number: Literal[1, 2],
    word: str,
) -> str:
    """All that a row holds."""
    return f"{word} {n}"


@podium.model
def gaps(n: int | None, x: float | None, yes: bool | None, kind: Literal[1, 2] | None) -> str:
    """Read by its types where it is JSON."""
    return "many"


@podium.model
def square(n: int) -> int:
    """A whole number."""
    return n * n


@podium.model
def sign(n: Annotated[float, podium.Field(name="", seen=podium.Range(0.0, 3.0))]) -> bool:
    """A truth value, and a warning of what wasn't seen in training."""
    return n > 0


@podium.model
def parts(n: int) -> dict[str, Any]:
    """What is no plain value, and so no block."""
    return {"n": n, "square": [n, n * n]}


def cells_of_echo() -> dict[str, list[Any]]:
    odd = ["", "ü", "\u2028", '"', "\\u0000", "🐧", "a" * 300, "0", "null", "NaN"]
    return {
        "day": ["2024-03-01", "1969-12-31"] * 10,
        "at": ["2024-03-01T13:45:00.25", "1901-01-01T00:00:00"] * 10,
        "n": [2**53, None] * 10,
        "k": [-(2**53), 7] * 10,
        "x": [0.1, None, -0.0, 1e300, 5e-324] * 4,
        "yes": [True, False] * 10,
        "maybe": [True, None] * 10,
        "kind": ["a", "ü", None, "a"] * 5,
        "number": [1, 2] * 10,
        "word": odd * 2,
    }


def models(folder: Path) -> Iterator[tuple[Any, dict[str, list[Any]]]]:
    """Models, and the cells of a request for each."""
    random = np.random.default_rng(0)
    yield echo, cells_of_echo()
    some = {"n": [2**53, None], "x": [None, 1.0], "yes": [None, False], "kind": [1, None]}
    yield gaps, {name: one * 10 for name, one in some.items()}
    yield square, {"n": list(range(N_ROWS))}
    yield sign, {"n": [-1.5, 0.0, 1e9, 2.0] * 5}
    yield parts, {"n": list(range(N_ROWS))}
    body = load_linnerud(as_frame=True)
    several = LinearRegression().fit(body.data, body.target)
    rows = {name: body.data[name].tolist()[:N_ROWS] for name in body.data}
    path = folder / "linnerud.podium"
    yield podium.pack(several, body.data, body.target, name="linnerud", path=path), rows
    X = pd.DataFrame({"x": random.normal(size=80).round(3), "y": random.normal(size=80)})
    rows = {name: X[name].tolist()[:N_ROWS] for name in X}
    labels = np.where(X.x > 0, "left <b>", "right")
    shares = LogisticRegression().fit(X, labels)
    yield podium.pack(shares, X, labels, name="shares", path=folder / "shares.podium"), rows
    scores = IsolationForest(n_estimators=5, random_state=0).fit(X)
    yield podium.pack(scores, X, name="scores", path=folder / "scores.podium"), rows
    groups = KMeans(3, n_init=1, random_state=0).fit(X)
    yield podium.pack(groups, X, name="groups", path=folder / "groups.podium"), rows


NAMES = ("echo", "gaps", "square", "sign", "parts", "linnerud", "shares", "scores", "groups")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[LoadedVersion, Any]]:
    found = {}
    for source, cells in models(tmp_path_factory.mktemp("bundles")):
        home = str(tmp_path_factory.mktemp("home"))
        app = podium.App(source, home=home)
        (deployment,) = app.deployments.values()
        version = deployment.choose()
        version.load()
        found[version.name] = version, cells
        app.close()
    return found


def body_of(cells: dict[str, list[Any]], form: str) -> tuple[bytes, str]:
    rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    if form == "rows":
        return msgspec.json.encode(rows), JSON
    if form == "lines":
        return msgspec.json.Encoder().encode_lines(rows), "application/x-ndjson"
    if form == "csv":
        file = io.StringIO()
        pd.DataFrame({name: pd.Series(one, dtype=object) for name, one in cells.items()}).to_csv(
            file, index=False
        )
        return file.getvalue().encode(), CSV
    return (stream_of(cells), ARROW) if form == "arrow" else (msgspec.json.encode(cells), JSON)


def both(
    version: LoadedVersion, body: bytes, media: str, context: RequestContext
) -> tuple[list[Any], list[Record]]:
    """What is recorded of a request, and the records of its rows one by one."""
    prepared = prepare(version, PredictRequest(body, media, context))
    outputs = replace(run(version.runtime, prepared.table), warnings=prepared.warnings)
    ids = Ids().some(prepared.time_us, prepared.n_rows)
    found = list(records_of(version, context, prepared, outputs, ids))
    one_by_one = record._records(version, context, prepared, outputs, ids, ids[0], 0)
    return found, one_by_one


def without_latency(records: Any) -> list[Record]:
    """Records, which differ in the time that each took."""
    return [msgspec.structs.replace(one, latency_us=0) for one in records]


@pytest.mark.parametrize("form", ["rows", "columns", "lines", "csv", "arrow"])
@pytest.mark.parametrize("name", NAMES)
def test_a_block_has_the_records_that_its_rows_would_have(
    versions: Any, name: str, form: str
) -> None:
    version, cells = versions[name]
    if (name, form) == ("echo", "csv"):  # an empty cell of a file is a missing one
        cells = {**cells, "word": ["w"] * N_ROWS}
    body, media = body_of(cells, form)

    found, expected = both(version, body, media, RequestContext(actor=ADA, business_key="order"))
    read = [one for payload in packed_in_chunks(found) for one in unpacked(payload.payload)]

    assert all(isinstance(one, Block) for one in found) == (name != "parts")
    assert without_latency(read) == without_latency(expected)
    assert {one.request_id for one in read} == {expected[0].id}
    assert [one.row_index for one in read] == list(range(N_ROWS))
    assert {one.business_key for one in read} == {"order"}
    assert {one.owner for one in read} == {"user:7"}
    if name == "sign" and form == "rows":
        assert any(msgspec.json.decode(one.outputs)["warnings"] for one in read)


@pytest.mark.parametrize("n_rows", [CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 2, 3 * CHUNK_ROWS])
def test_a_request_of_more_rows_has_several_blocks(versions: Any, n_rows: int) -> None:
    version, _ = versions["sign"]
    cells = {"n": [float(number % 7 - 1) for number in range(n_rows)]}
    body, media = body_of(cells, "columns")

    found, expected = both(version, body, media, RequestContext(is_bulk=True))

    assert [one.n_rows for one in found] == [
        min(CHUNK_ROWS, n_rows - at) for at in range(0, n_rows, CHUNK_ROWS)
    ]
    read = list(records_in(found))
    assert without_latency(read) == without_latency(expected)
    assert [one.row_index for one in read] == list(range(n_rows))
    assert {one.request_id for one in read} == {expected[0].id}


def test_rows_that_are_no_block_are_one_request_however_many_they_are(versions: Any) -> None:
    version, _ = versions["parts"]
    body, media = body_of({"n": list(range(CHUNK_ROWS + 5))}, "rows")

    found, expected = both(version, body, media, RequestContext(is_bulk=True))

    assert without_latency(found) == without_latency(expected)
    assert {one.request_id for one in found} == {expected[0].id}
    assert [one.row_index for one in found] == list(range(CHUNK_ROWS + 5))


def test_a_field_names_each_row(versions: Any, tmp_path: Path) -> None:
    version, cells = versions["echo"]
    keyed = LoadedVersion(version.bundle, key_field="n")
    body, media = body_of(cells, "columns")

    found, expected = both(keyed, body, media, RequestContext(business_key="order"))
    read = list(records_in(found))

    assert isinstance(found[0], Block)
    assert [one.business_key for one in read] == [one.business_key for one in expected]
    assert [one.business_key for one in read[:2]] == [str(2**53), "order"]


@pytest.mark.parametrize("word", ["\x00", "a\x00b"])
def test_a_text_that_no_store_can_hold_is_found_as_before(versions: Any, word: str) -> None:
    version, cells = versions["echo"]
    prepared = prepare(version, PredictRequest(*body_of(cells, "columns")))
    prepared.table.columns["word"][3] = word
    outputs = run(version.runtime, prepared.table)
    ids = Ids().some(prepared.time_us, N_ROWS)

    with pytest.raises(podium.PodiumError, match="1 of 20 records weren't stored"):
        list(records_of(version, RequestContext(), prepared, outputs, ids))


def test_few_rows_are_records(versions: Any) -> None:
    version, cells = versions["square"]
    for n_rows in (1, BLOCK_ROWS_MIN - 1, BLOCK_ROWS_MIN):
        body, media = body_of({"n": cells["n"][:n_rows]}, "rows")

        found, _ = both(version, body, media, RequestContext())

        assert isinstance(found[0], Block) == (n_rows >= BLOCK_ROWS_MIN)


def test_a_block_needs_nothing_but_itself(versions: Any) -> None:
    version, cells = versions["shares"]
    found, expected = both(version, *body_of(cells, "columns"), RequestContext())

    (packed,) = packed_in_chunks(found)
    del found

    read = unpacked(packed.payload)
    assert packed.n_rows == N_ROWS
    assert [one.outputs for one in read] == [one.outputs for one in expected]
    assert [one.outcome for one in read] == [one.outcome for one in expected]
    assert b'"probabilities":{"left <b>":' in read[0].outputs
