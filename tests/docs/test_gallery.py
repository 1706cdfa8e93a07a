"""The examples of the gallery: each trains, packs and predicts on its real data."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import podium
from podium.bundle import Bundle
from podium.sources import bundles_of

ROOT = Path(__file__).parents[2]
GALLERY, PAGES = ROOT / "examples" / "gallery", ROOT / "docs" / "gallery"


class Case(NamedTuple):
    """A row, what a model of these data must say about it, and how good it must be at least."""

    row: dict[str, Any]
    accepts: Callable[[Any], bool]
    metric: str = ""
    least: float = 0


TUMOUR = {"radius": 24, "texture": 30, "smoothness": 0.12, "concavity": 0.35, "symmetry": 0.25}
GROWER_A = {
    "alcohol": 13.8,
    "malic_acid": 1.8,
    "magnesium": 106,
    "flavanoids": 3,
    "color_intensity": 5.6,
    "hue": 1.06,
    "proline": 1_200,
}
BEETLE = {"weight": 832, "power": 46, "displacement": 1590, "year": 1973, "origin": "Europe"}
SENTENCE = {"text": "Dieser Satz ist auf keinen Fall englisch."}
STORM = {"precipitation": 54, "temp_max": 5, "temp_min": -3, "wind": 9}
CAPITAL = {
    "violent": 1_300,
    "murder": 24,
    "hs_grad": 87,
    "poverty": 18,
    "single": 48,
    "urban": 100,
}
SHORT_HOP = {"dep_delay": 60, "distance": 200, "origin": "LGA", "carrier": "US", "hour": 9}
PATIENT = {"age": 60, "bmi": 38, "bp": 120, "s5": 5.6}
INSURED = {"own_share": 0, "diseases": 30, "is_limited": True}
CASES = {
    "tumour": Case(
        {f"mean {name}": value for name, value in TUMOUR.items()},
        lambda answer: answer == "malignant",
        "accuracy",
        0.9,
    ),
    "wine": Case(GROWER_A, lambda answer: answer == "grower A", "accuracy", 0.9),
    "cars": Case(BEETLE, lambda litres: 7 < litres < 11, "r2", 0.8),
    "language": Case(SENTENCE, lambda answer: answer == "German", "accuracy", 0.95),
    "odd_days": Case(STORM, lambda answer: answer == -1),
    "states": Case(CAPITAL, lambda answer: answer in range(4)),
    "co2": Case({"day": "1990-05-15"}, lambda ppm: 355 < ppm < 359),
    "arrivals": Case(SHORT_HOP, lambda both: 30 < both[0] < 50 and 40 < both[1] < 70, "r2", 0.8),
    "diabetes": Case(PATIENT, lambda answer: 200 < answer < 346, "r2", 0.3),
    "visits": Case(INSURED, lambda n_visits: 4 < n_visits < 20),
}


def script_of(name: str) -> Path:
    """The file that trains an example; for one it is the function itself."""
    return GALLERY / name / "train.py" if (GALLERY / name).is_dir() else GALLERY / f"{name}.py"


def bundle_of(name: str, folder: Path) -> Bundle:
    """The model of an example, made by the command of its page in the current folder."""
    if name == "co2":
        return bundles_of([f"{script_of(name)}:concentration"], folder, ())[0]
    runpy.run_path(str(script_of(name)), run_name="__main__")
    return podium.load(folder / f"{name}.podium")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_an_example_trains_packs_and_predicts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    monkeypatch.chdir(tmp_path)

    bundle = bundle_of(name, tmp_path)
    answer = bundle.predict(case.row).predictions[0]

    assert case.accepts(answer), answer
    measured = [one.value for one in bundle.card.metrics if one.name == case.metric]
    assert bool(measured) is bool(case.metric)
    assert all(value >= case.least for value in measured), measured


@pytest.mark.slow
def test_the_flask_app_asks_the_model_and_has_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(GALLERY / "visits" / "train.py"), run_name="__main__")
    names = runpy.run_path(str(GALLERY / "visits" / "app.py"))
    client = names["app"].test_client()

    try:
        plans = client.get("/plans").text
        form = client.get("/ml/models/visits").text
    finally:
        names["podium"].close(names["app"])

    shares = [float(share) for share in re.findall(r"([\d.]+) visits a year", plans)]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 4
    assert "Own share of the costs" in form


def test_every_example_has_a_page_that_shows_its_file_and_every_page_an_example() -> None:
    files = {path.stem for path in GALLERY.glob("*.py")} | {
        path.parent.name for path in GALLERY.glob("*/train.py")
    }
    pages = {path.stem: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    index = pages.pop("index")

    assert files == set(CASES) == {name.replace("-", "_") for name in pages}
    for name, text in pages.items():
        file = script_of(name.replace("-", "_")).relative_to(ROOT)
        assert f'--8<-- "{file.as_posix()}"' in text
        assert f"({name}.md)" in index
