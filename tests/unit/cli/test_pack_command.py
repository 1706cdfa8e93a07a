"""`podium pack`: what goes into a bundle, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium
from podium.bundle.skops_file import skops_of
from podium.errors import SetupError
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trained(here: Path, diabetes_rows: pd.DataFrame) -> pd.DataFrame:
    """`model.skops` and `train.csv` in the folder where the test runs; the answers in order."""
    y = load_diabetes(as_frame=True).target
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(diabetes_rows, y)
    (here / "model.skops").write_bytes(skops_of(model))
    diabetes_rows.assign(y=y).to_csv(here / "train.csv", index=False)
    return diabetes_rows.assign(answer=model.predict(diabetes_rows))


PACK = ("pack", "model.skops", "--data", "train.csv", "--target", "y")


def test_the_original_is_packed_only_on_request(trained, podium_run: Command) -> None:
    code, out, _ = podium_run(*PACK)

    bundle = podium.load("model.podium")
    assert code == 0
    assert "Compiled to a program" in out
    assert (bundle.runtime_name, bundle.requires) == ("program", ())
    with pytest.raises(SetupError, match="without its original"):
        bundle.original()


def test_a_file_whose_lines_differ_in_length_is_refused_with_the_line(here, trained, podium_run):
    (here / "train.csv").write_text("a,b\n1,2\n1,2,3\n")

    code, _, err = podium_run(*PACK)

    assert code == 1
    assert "train.csv can't be read: Expected 2 fields in line 3, saw 3\n" in err
    assert "as many cells in each" in err


def test_only_models_with_a_target_miss_it(here: Path, trained, podium_run: Command) -> None:
    rows = pd.read_csv("train.csv").drop(columns="y")
    rows.to_csv("rows.csv", index=False)
    clusters = KMeans(2, n_init=1, random_state=0).fit(rows)
    (here / "clusters.skops").write_bytes(skops_of(clusters))

    _, out, err = podium_run("pack", "clusters.skops", "--data", "rows.csv")
    _, out_without, err_without = podium_run("pack", "model.skops", "--data", "train.csv")

    assert "predicts  clusters\n" in out
    assert "--target" not in err
    assert "predicts  prediction (regression)" in out_without
    assert "nothing was measured: --target names the column" in err_without


@pytest.mark.slow
def test_training_rows_travel_unless_told_otherwise(trained, podium_run: Command) -> None:
    _, out, _ = podium_run(*PACK)
    _, none, _ = podium_run(*PACK, "--background", "0", "-o", "none.podium")

    assert "100 training rows, for explanations (--background 0 keeps none)" in out
    assert "training rows, for" not in none
    assert podium.load("none.podium").background is None


@pytest.mark.slow
def test_a_column_of_times_tells_what_is_usual_and_is_no_field(
    trained, here: Path, podium_run: Command
) -> None:
    rows = pd.read_csv(here / "train.csv")
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(rows)) // 60, "D")
    rows.assign(day=days).to_csv(here / "train.csv", index=False)

    code, _, _ = podium_run(*PACK, "--time", "day")
    wrong, _, why = podium_run(*PACK, "--time", "y")

    bundle = podium.load("model.podium")
    assert code == 0
    assert "day" not in bundle.signature.names
    assert set(bundle.baseline.fields["bmi"].spreads) == {"hour", "day", "week"}
    assert wrong != 0
    assert "no column 'y'" in why


@pytest.mark.slow
def test_keep_original_puts_the_estimator_beside_its_program(trained, podium_run: Command) -> None:
    code, out, _ = podium_run(*PACK, "--keep-original", "-o", "both.podium")

    bundle = podium.load("both.podium")
    original = bundle.original()
    rows = trained.drop(columns="answer")
    assert code == 0
    assert "Compiled to a program" in out
    assert (bundle.runtime_name, bundle.requires) == ("program", ())
    assert isinstance(original, SklearnRuntime)
    for answers in (original.predict(Table.of(rows)), bundle.predict(rows)):
        np.testing.assert_allclose(answers.predictions, trained["answer"], rtol=1e-9)


@pytest.mark.slow
def test_no_compile_serves_the_estimator_itself(trained, podium_run: Command) -> None:
    code, out, _ = podium_run(*PACK, "--no-compile")

    bundle = podium.load("model.podium")
    assert code == 0
    assert "Compiled" not in out
    assert "runs as   skops" in out
    assert bundle.compilation is None
    assert "sklearn" in bundle.requires
    answers = bundle.predict(trained.drop(columns="answer")).predictions
    np.testing.assert_allclose(answers, trained["answer"], rtol=1e-12)


def test_a_model_of_texts_is_packed_from_its_column(here: Path, podium_run: Command) -> None:
    texts = ["good film", "bad film", "good plot, great", "awful, bad plot"] * 5
    liked = ["yes", "no", "yes", "no"] * 5
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, liked)
    joblib.dump(model, here / "films.joblib")
    pd.DataFrame({"review": texts, "liked": liked}).to_csv(here / "train.csv", index=False)
    pack = ("pack", "films.joblib", "--data", "train.csv", "--target", "liked")
    _, _, refused = podium_run(*pack)
    digest = next(word for word in refused.split() if word.startswith("sha256:"))

    code, out, _ = podium_run(*pack, "--trust", digest)

    assert code == 0
    assert "from      1 fields: review" in out
    assert podium.load("films.podium").predict({"review": "a great film"}).predictions == ["yes"]


@pytest.mark.slow
def test_distances_of_what_has_no_clusters_are_refused(trained, podium_run: Command) -> None:
    wrong, _, why = podium_run(*PACK, "--distances")
    code, _, _ = podium_run(*PACK, "--no-distances")

    assert (wrong != 0, code) == (True, 0)
    assert "no distances to clusters" in why
