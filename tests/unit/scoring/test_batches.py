"""Record batches, scored as files are, by bundles that other processes reopen."""

from __future__ import annotations

import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.bundle import Bundle
from podium.cli.main import REFUSED, run
from podium.errors import BundleError, InputError, SetupError
from podium.scoring.rows import CHUNK_ROWS_MAX

ROWS = pd.DataFrame({"city": ["Rome", "Oslo", "Bern"] * 20, "n": [1.0, 2.0, 3.0] * 20})
TRUTH = np.where(ROWS.city == "Rome", "yes", "no")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"),
        LogisticRegression(),
    )
    path = tmp_path_factory.mktemp("packed") / "trips.podium"
    return podium.pack(model.fit(ROWS, TRUTH), ROWS, TRUTH, name="trips", path=path)


def batch_of(**columns: object) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_a_batch_comes_back_with_the_columns_that_a_parquet_file_gets(
    bundle: Bundle, tmp_path: Path
):
    batch = batch_of(
        id=pa.array([[1], [], None]),
        n=pa.array([1, 2, None]),
        city=pa.array(["Rome", "Paris", "Bern"]).dictionary_encode(),
    )
    parquet.write_table(pa.Table.from_batches([batch]), tmp_path / "in.parquet")
    arguments = ["score", str(bundle.path), str(tmp_path / "in.parquet"), "-o"]
    assert run([*arguments, str(tmp_path / "out.parquet")]) == REFUSED

    scored = bundle.score_arrow(batch)

    assert scored.schema.names == [*batch.schema.names, *scored.schema.names[3:]]
    assert scored.select([0, 1, 2]) == batch
    assert pa.Table.from_batches([scored]).equals(parquet.read_table(tmp_path / "out.parquet"))
    assert scored["prediction"].to_pylist()[0] == "yes"
    assert scored["prediction"].null_count == 2


def test_why_a_row_was_refused_is_in_a_column_of_its_own(bundle: Bundle):
    batch = batch_of(city=["Rome", "Bernn", None], n=[1.0, 2.0, None])

    why = bundle.score_arrow(batch, errors="why")["why"].to_pylist()

    assert why[0] is None
    (unknown,) = why[1]
    assert (unknown["field"], unknown["value"]) == ("city", "Bernn")
    assert [one["field"] for one in why[2]] == ["city", "n"]
    assert {one["problem"] for one in why[2]} == {"is missing"}


def test_an_empty_batch_shows_the_schema(bundle: Bundle):
    batch = batch_of(city=["Rome"], n=[1.0])

    empty = bundle.score_arrow(batch.slice(0, 0), prefix="p_", errors="why")

    assert empty.num_rows == 0
    assert empty.schema == bundle.score_arrow(batch, prefix="p_", errors="why").schema


def test_a_batch_longer_than_a_chunk_is_scored_whole(bundle: Bundle):
    batch = batch_of(city=ROWS.city.tolist() * 300, n=ROWS.n.tolist() * 300)

    predictions = bundle.score_arrow(batch)["prediction"].to_pylist()

    assert predictions == ["yes", "no", "no"] * 6_000
    assert batch.num_rows > CHUNK_ROWS_MAX


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (batch_of(city=["Rome"]), InputError, "the batch lacks a column that the model needs: n"),
        (batch_of(city=["a"], n=[1.0], prediction=[""]), SetupError, "already has a column"),
        (batch_of(city=["a"], n=[1.0], why=[""]), SetupError, "two columns are called 'why'"),
        (pa.table({"city": ["Rome"], "n": [1.0]}), SetupError, "a Table isn't a record batch"),
    ],
    ids=["lacking", "taken", "twice", "table"],
)
def test_batches_that_cant_be_scored_are_refused(
    bundle: Bundle, batch: pa.RecordBatch, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        bundle.score_arrow(batch, errors="why")


@pytest.mark.slow
def test_another_process_scores_with_the_bundle_at_the_same_path(bundle: Bundle):
    batch = batch_of(city=["Rome", "Oslo"], n=[1.0, 2.0])

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        scored = pool.submit(bundle.score_arrow, batch).result(timeout=60)

    assert scored == bundle.score_arrow(batch)


def test_a_pickle_holds_no_model_and_refuses_another_bundle(bundle: Bundle, tmp_path: Path):
    assert bundle.path is not None
    path = Path(shutil.copy(bundle.path, tmp_path / "moved.podium"))
    pickled = pickle.dumps(podium.load(path))
    path.unlink()
    podium.pack(
        LogisticRegression().fit(ROWS[["n"]], TRUTH), ROWS[["n"]], TRUTH, name="trips", path=path
    )

    assert len(pickled) < 1_000
    with pytest.raises(BundleError, match="isn't the bundle that was sent here"):
        pickle.loads(pickled)


def test_a_bundle_without_a_file_cant_be_sent(bundle: Bundle):
    alone = podium.load(str(bundle.path))
    alone.path = None

    with pytest.raises(SetupError, match="trips is in no file"):
        pickle.dumps(alone)
