"""Names of columns mean the same field however they are encoded, and never two."""

from __future__ import annotations

import json
import unicodedata
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.cli.main import run
from podium.errors import InvalidRows, SetupError
from podium.signature.names import renamed

RANDOM = np.random.default_rng(0)
NFC = "Größe"
NFD = unicodedata.normalize("NFD", NFC)
ROWS = pd.DataFrame({NFC: RANDOM.normal(size=50), "b": RANDOM.normal(size=50)})
MODEL = LinearRegression().fit(ROWS, ROWS[NFC] * 2 + ROWS.b)
ODD = pd.DataFrame({"Unnamed: 0": range(50), " b ": ROWS.b, NFD: ROWS[NFC]})
PREDICT = "/api/models/m/predict"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return podium.pack(MODEL, ROWS, name="m", path=tmp_path_factory.mktemp("names"))


@pytest.mark.parametrize(
    ("given", "fields", "expected"),
    [
        ((NFD, "b"), (NFC, "b"), {NFD: NFC}),
        ((NFC,), (NFD,), {NFC: NFD}),
        ((" a", "b"), ("a", "b"), {" a": "a"}),
        ((NFD, NFC), (NFC,), {}),
        ((NFD, f"{NFD} "), (NFC,), {}),
        ((f" {NFC}",), (NFC, NFD), {}),
        (("",), (" ",), {}),
        (("A",), ("a",), {}),
    ],
)
def test_a_name_means_the_only_field_that_it_can(given, fields, expected):
    assert renamed(given, fields) == expected


def test_a_frame_is_packed_and_predicted_in_another_form_with_an_index(bundle, tmp_path):
    packed = podium.pack(MODEL, ODD, name="m", path=tmp_path)

    assert packed.signature.names == (NFC, "b")
    expected = MODEL.predict(ROWS)
    assert packed.predict(ODD).predictions == pytest.approx(expected)
    assert bundle.predict(ODD).predictions == pytest.approx(expected)


@pytest.mark.parametrize(
    "kind", ["object", "rows", "columns", "lines", "csv", "index", "form", "arrow"]
)
def test_every_way_to_write_rows_takes_another_form(bundle, kind, client_of):
    some = ODD[:1]
    said = {"content_type": "application/json"}
    body, headers = {
        "object": (some.to_json(orient="records")[1:-1].encode(), said),
        "rows": (some.to_json(orient="records").encode(), said),
        "columns": (json.dumps(some.to_dict("list")).encode(), said),
        "lines": (some.to_json(orient="records", lines=True).encode(), {"content_type": "application/x-ndjson"}),
        "csv": (some.to_csv(index=False).encode(), {"content_type": "text/csv"}),
        "index": (ROWS[:1].to_csv().encode(), {"content_type": "text/csv"}),
        "form": (form_of(some), {"content_type": "application/x-www-form-urlencoded"}),
        "arrow": (arrow_of(ROWS[:1].set_axis([7])), {"content_type": "application/vnd.apache.arrow.stream"}),
    }[kind]  # fmt: skip

    reply = client_of(bundle).post(PREDICT, body=body, accept="application/json", **headers)

    assert reply.status == 200, reply.text
    told = reply.json()
    (answer,) = told["predictions"] if "predictions" in told else [told["prediction"]]
    assert answer == pytest.approx(float(MODEL.predict(ROWS[:1])[0]))


def form_of(rows):
    return urlencode(rows.iloc[0].to_dict()).encode()


def arrow_of(rows):
    table = pa.Table.from_pandas(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def test_a_name_that_may_be_two_is_refused(bundle, client_of):
    both = ODD[[NFD, " b "]].assign(**{f"{NFD} ": 1.0})

    with pytest.raises(InvalidRows, match="isn't a field of this model"):
        bundle.predict(both)
    client = client_of(bundle)
    reply = client.post(PREDICT, {NFD: 1, f"{NFD} ": 2, "b": 1})
    assert reply.status == 422
    assert client.post(PREDICT, {NFC: 1, "b": 1, "": 1}).status == 422


def test_a_file_is_scored_whatever_the_form_of_its_names(bundle, tmp_path):
    ODD.to_csv(tmp_path / "odd.csv", index=False)

    scored = run(["score", str(bundle.path), f"{tmp_path}/odd.csv", "-o", f"{tmp_path}/out.csv"])

    assert scored == 0
    assert pd.read_csv(tmp_path / "out.csv")["prediction"].to_numpy() == pytest.approx(
        MODEL.predict(ROWS)
    )


def test_a_model_without_names_takes_a_frame_with_an_index_beside_its_columns(tmp_path):
    model = LinearRegression().fit(ROWS.to_numpy(), ROWS.b)

    bundle = podium.pack(model, ODD[["Unnamed: 0", NFD, " b "]], name="m", path=tmp_path)

    assert bundle.signature.names == (NFD, " b ")


def test_the_levels_of_a_multiindex_become_one_name(bundle, tmp_path):
    rows = ROWS.set_axis(pd.MultiIndex.from_tuples([("size", "mean"), ("b", "")]), axis=1)
    model = LinearRegression().fit(rows, ROWS.b)

    packed = podium.pack(model, rows, name="m", path=tmp_path)

    assert packed.signature.names == ("size_mean", "b")
    assert packed.predict(rows).predictions == pytest.approx(model.predict(rows))


def test_two_columns_of_one_name_are_refused_by_name(tmp_path):
    rows = ROWS.set_axis(["a", "a"], axis=1)

    with pytest.raises(SetupError, match=r"(?s)two columns .*'a'"):
        podium.pack(LinearRegression().fit(rows.to_numpy(), ROWS.b), rows, name="m", path=tmp_path)
