"""What a recipe is given, what is made of its result, and what is said of one that fails."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

import podium
from podium.deployments.registry import Registry
from podium.errors import PodiumError, SetupError
from podium.records.record import Feedback
from podium.records.store import RecordQuery
from podium.records.stores.sqlite import SqliteStore
from podium.retraining.orders import BUNDLE_NAME, Order, Recipe, Trained
from podium.retraining.training import train
from podium.settings import Settings

from .conftest import GOOD, N_TRUTHS, price, rows

NUMBERS = itertools.count()


def trained(home: Path, code: str = GOOD, **options: Any) -> tuple[Trained, Path]:
    """What the process of a retraining does, and the bundle that it writes."""
    name = f"recipe_{next(NUMBERS)}"  # a module of another test is imported already
    Path(f"{name}.py").write_text(code)
    recipe = Recipe(model="price", recipe=f"{name}.py:train", **options)
    digest = Registry(home).aliases("price")["champion"]
    settings = Settings(home=str(home))
    order = Order(recipe=recipe, settings=settings, folder=".", digest=digest, memory_bytes=2**40)
    return train(order), Path(BUNDLE_NAME)


def test_the_newest_truths_are_held_out_and_the_champion_stands_beside(home: Path) -> None:
    done, file = trained(home, holdout=0.4)

    card = podium.load(file).card
    error = next(one for one in done.figures if one.name == "mean_absolute_error")
    newest = price(rows())[30:N_TRUTHS]
    assert (done.n_train, done.n_holdout) == (30, 20)
    assert (card.metrics_on, card.n_metric_rows) == ("holdout", 20)
    assert error.new == pytest.approx(0, abs=1e-6)
    assert error.champion == pytest.approx(newest.abs().mean() / 2)  # it predicts half
    assert "30 records with ground truth; measured on the 20 newest" in card.notes[0]
    assert f"mean absolute error {error.champion:.4g}" in card.notes[1]


def test_the_recipe_gets_the_frame_that_the_model_was_trained_on(home: Path) -> None:
    code = """
import pickle
from sklearn.linear_model import LinearRegression

def train(rows, *, records):
    with open("given.pkl", "wb") as file:
        pickle.dump((rows, records), file)
    model = LinearRegression().fit(rows.iloc[:, :-1], rows.iloc[:, -1])
    rows["size"] = -1.0  # its own copy
    return model
"""
    _, file = trained(home, code)

    given, records = pickle.loads(Path("given.pkl").read_bytes())
    expected = rows()[:40].assign(price=price(rows())[:40])
    size = podium.load(file).signature.field("size")
    pd.testing.assert_frame_equal(given, expected)
    assert list(records) == ["id", "time", "version", "prediction"]
    assert records["time"].is_monotonic_increasing
    assert records["version"].unique().tolist() == ["1"]
    assert size.unit == "m"  # as somebody decided for the champion
    assert size.seen.minimum == expected["size"].min()


def test_the_training_data_is_the_second_argument(home: Path) -> None:
    code = """
import pandas as pd
from sklearn.linear_model import LinearRegression

def train(rows, data):
    every = pd.concat([data[rows.columns], rows])
    return LinearRegression().fit(every.iloc[:, :-1], every.iloc[:, -1])
"""
    frame = rows()
    frame.assign(price=price(frame), other="x").to_csv("data.csv", index=False)

    done, file = trained(home, code, data="data.csv")

    assert (done.n_data, done.n_train) == (80, 40)
    assert podium.load(file).card.n_rows == 120
    with pytest.raises(SetupError, match="takes the training data, too") as raised:
        trained(home, code)
    assert "--data" in raised.value.hint
    frame.to_csv("data.csv", index=False)
    with pytest.raises(SetupError, match=r"has no column 'price'"):
        trained(home, code, data="data.csv")
    with pytest.raises(SetupError, match=r"none\.csv doesn't exist"):
        trained(home, code, data="none.csv")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def train(rows):\n    return rows['nothing']", "raised KeyError in line 2"),
        ("def train(rows):\n    raise SystemExit(0)", "raised SystemExit in line 2: 0"),
        ("def train(rows):\n    pass", "returned nothing"),
        ("def train(rows):\n    return 'nonsense'", "nonsense"),
        ("def train(rows):\n    return object()", "object"),
        ("def train(rows):\n    return rows", "DataFrame"),
        ("def train():\n    pass", "doesn't take the rows"),
        ("def train(rows, data, more):\n    pass", "doesn't take the rows"),
        ("train = 4", "has no function 'train'"),
        ("raise ValueError('at import')", "can't be imported: ValueError in line 1: at import"),
        ("import nosuchmodule", "can't be imported"),
        ("def train(rows:", "can't be imported: SyntaxError"),
        (
            "from sklearn.linear_model import Ridge\ndef train(rows):\n    return Ridge()",
            "fitted",
        ),
    ],
)
def test_a_recipe_that_fails_gives_one_clear_error(home: Path, code: str, reason: str) -> None:
    with pytest.raises(PodiumError) as raised:
        trained(home, code)

    assert reason in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert not Path(BUNDLE_NAME).exists()


@pytest.mark.parametrize("path", ["train", ":train", "train.py:", "none.py:train", "os:getcwd"])
def test_a_recipe_that_is_nowhere_is_told(home: Path, path: str) -> None:
    recipe = Recipe(model="price", recipe=path)
    settings = Settings(home=str(home))

    with pytest.raises(SetupError):
        train(Order(recipe=recipe, settings=settings, folder=".", digest="", memory_bytes=1))


def known(store: SqliteStore) -> Any:
    return store.page(RecordQuery(model="price", has_feedback=True), limit=500).records


@pytest.mark.parametrize("truth", [b'"cheap"', b"null", b"[1]", b"true"])
def test_truths_of_another_type_are_none(home: Path, truth: bytes) -> None:
    store = SqliteStore(home / "podium.db")
    told = Feedback(truth=truth, time_us=1)
    store.set_feedback_many({one.id: told for one in known(store)}, model="price")
    store.close()

    with pytest.raises(SetupError, match="no record of price has ground truth: 50 can't be used"):
        trained(home)


@pytest.mark.parametrize(
    ("n_truths", "message"),
    [(0, "no record of price has ground truth"), (5, "5 records of price have ground truth")],
)
def test_too_few_truths_are_told(home: Path, n_truths: int, message: str) -> None:
    store = SqliteStore(home / "podium.db")
    store.delete(known(store)[n_truths:])
    store.close()

    with pytest.raises(SetupError, match=message) as raised:
        trained(home)

    assert raised.value.hint


def test_records_whose_inputs_no_longer_fit_are_left_out(home: Path) -> None:
    store = SqliteStore(home / "podium.db")
    records = known(store)[:3]
    values = [{"size": "large"}, {"gone": 1.5}, {"rooms": None}]
    changed = [
        msgspec.structs.replace(one, inputs=msgspec.json.encode(json.loads(one.inputs) | changes))
        for one, changes in zip(records, values, strict=True)
    ]
    store.delete(records)
    store.insert(changed)
    store.close()

    done, _ = trained(home)

    assert done.n_left_out == 2  # a field that isn't there any more does no harm
    assert done.n_train + done.n_holdout == N_TRUTHS - 2


def test_a_result_that_can_not_predict_what_the_champion_does_is_told(home: Path) -> None:
    code = """
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

def train(rows):
    return make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows.iloc[:, :-1], rows.iloc[:, -1])
"""
    with pytest.raises(PodiumError) as raised:
        trained(home, code)

    assert "returned can't predict" in str(raised.value)


def test_labels_of_another_type_become_the_classes(tmp_path: Path) -> None:
    """Feedback of a file says "1" where the class is the number 1."""
    from podium.retraining.labeled import _label
    from podium.signature import Output

    output = Output(name="y", task="classification", classes=(0, 1))

    assert [_label(output, value) for value in (1, "1", True, "new", None)] == [
        1,
        1,
        1,
        "new",
        None,
    ]


def test_the_column_of_the_truth_never_hides_a_field() -> None:
    from podium.retraining.frames import target_names
    from podium.signature import Field, Output, Signature

    def names(output: str, *fields: str) -> dict[str, str]:
        some = tuple([Field(name=name) for name in fields])
        return target_names(Signature(fields=some, outputs=(Output(name=output),)))

    assert names("price", "size") == {"price": "price"}
    assert names("prediction", "size") == {"prediction": "truth"}
    assert names("price", "price") == {"price": "truth"}
    with pytest.raises(SetupError, match="no name is left"):
        names("price", "price", "truth")
