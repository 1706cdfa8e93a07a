"""`podium drift`: a file against the training data, and the exit code for pipelines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import podium
from podium.cli.main import run


@podium.model
def twice(x: float) -> float:
    """Twice as much."""
    return 2 * x


def rows(seed: int, *, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"age": random.normal(40 + shift, 10, 2_000), "income": random.lognormal(3, 1, 2_000)}
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trained = rows(0)
    churns = np.where(trained["age"] > 45, "yes", "no")
    path = tmp_path_factory.mktemp("bundle") / "churn.podium"
    model = LogisticRegression().fit(trained, churns)
    podium.pack(model, trained, churns, name="churn", version="1", path=path)
    return path


def test_rows_like_those_of_training_end_with_0(bundle, tmp_path, capsys):
    rows(1).to_csv(tmp_path / "same.csv", index=False)

    assert run(["drift", str(bundle), str(tmp_path / "same.csv")]) == 0

    printed = capsys.readouterr().out
    assert "churn 1: 2,000 rows compared" in printed
    assert "Nothing drifted" in printed


def test_of_a_few_rows_nothing_is_claimed(bundle, tmp_path, capsys):
    rows(1).head(20).to_csv(tmp_path / "few.csv", index=False)

    assert run(["drift", str(bundle), str(tmp_path / "few.csv")]) == 0

    printed = capsys.readouterr().out
    assert "too few to tell" in printed
    assert "Nothing drifted" not in printed


def test_rows_that_moved_end_with_5_and_are_named(bundle, tmp_path, capsys):
    rows(1, shift=8).to_parquet(tmp_path / "moved.parquet")

    assert run(["drift", str(bundle), str(tmp_path / "moved.parquet")]) == 5

    lines = capsys.readouterr().out.splitlines()
    (age,) = (line.split() for line in lines if line.strip().startswith("age"))
    (income,) = (line.split() for line in lines if line.strip().startswith("income"))
    assert age[2] == "red"
    assert income[2] == "none"
    assert any("prediction" in line and "red" in line for line in lines)


def test_json_has_every_measure_and_count(bundle, tmp_path, capsys):
    moved = rows(1, shift=8)
    moved.loc[:9, "age"] = 1e9
    moved.to_csv(tmp_path / "moved.csv", index=False)

    run(["drift", str(bundle), str(tmp_path / "moved.csv"), "--json"])

    found = json.loads(capsys.readouterr().out)
    by_name = {(one["kind"], one["name"]): one for one in found["drift"]}
    age = by_name["field", "age"]
    assert found["rows"] + found["refused"] == 2_000
    assert sum(age["counts"]) == found["rows"]
    assert len(age["slots"]) == len(age["counts"]) == len(age["training_counts"])
    assert age["level"] == "red"
    assert {"psi", "p_value", "wasserstein", "kolmogorov_smirnov"} <= set(age)
    assert ("probability", "yes") in by_name


def test_few_rows_are_no_ground_for_an_alarm(bundle, tmp_path, capsys):
    rows(1, shift=50)[:100].to_csv(tmp_path / "few.csv", index=False)

    assert run(["drift", str(bundle), str(tmp_path / "few.csv")]) == 0
    assert "too few to tell drift from chance" in capsys.readouterr().out


def test_a_file_without_a_needed_column_is_refused(bundle, tmp_path, capsys):
    rows(1)[["age"]].to_csv(tmp_path / "half.csv", index=False)

    assert run(["drift", str(bundle), str(tmp_path / "half.csv")]) == 3
    assert "income" in capsys.readouterr().err


def test_a_model_without_training_rows_has_nothing_to_compare_with(tmp_path, capsys):
    podium.pack(twice, name="twice", path=tmp_path / "twice.podium")
    (tmp_path / "rows.csv").write_text("x\n1\n")

    assert run(["drift", str(tmp_path / "twice.podium"), str(tmp_path / "rows.csv")]) == 1
    assert "no training data to compare with" in capsys.readouterr().err
