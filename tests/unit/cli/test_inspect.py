"""`podium inspect`: what it shows of a bundle, to people and to programs."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.signature import Signature
from podium.signature.correct import corrected

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with 200 fields, in many scripts, and with texts that a terminal would obey."""
    names = ["العمر", "年齢", "नाम", "قیمت‌خانه", "bold\x1b[31m", "[bold]x", "turn\u202earound"]
    names += [f"feature number {i} of a long list" for i in range(193)]
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 200)), columns=names)
    path = tmp_path_factory.mktemp("foreign") / "foreign.podium"
    podium.pack(
        LinearRegression().fit(X, X["年齢"]),
        X,
        X["年齢"],
        name="foreign",
        path=path,
        title="猫か犬か [bold]",
        description="clear\x1b[2J",
        limits=["[red]none\x07"],
        signature={"fields": [{"name": "年齢", "unit": "歳"}]},
    )
    return path


def test_the_page_shows_what_a_bundle_is(penguins: Path, podium_run: Command) -> None:
    bundle = podium.load(penguins)

    code, out, err = podium_run("inspect", penguins)

    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Penguin species"
    for told in (
        bundle.version,
        f"runs as     {bundle.runtime_name}",
        "trained on  344 rows",
        f"digest      sha256:{bundle.digest}",
        f"scikit-learn {bundle.card.libraries['scikit-learn']}",
        "Measured on the 344 rows it was trained on. Expect less on new ones.",
        "higher is better",
        "- Any bird is one of three species to it.",
        "7 fields",
        "Adelie, Chinstrap, Gentoo, with probabilities",
        f"podium serve {penguins}",
    ):
        assert told in out


@pytest.mark.parametrize(
    "words",
    [
        ["island", "category", "no", "Biscoe"],
        ["bill_length_mm", "float", "yes,", "0.6%", "32.1", "to", "59.6"],
        ["body_mass_g", "float", "yes,", "0.6%", "2700", "to", "6300", "g"],
        ["year", "integer", "no", "2007", "to", "2009"],
    ],
)
def test_a_field_is_shown_with_its_type_its_gaps_and_its_range(
    words: list[str], penguins: Path, podium_run: Command
) -> None:
    _, out, _ = podium_run("inspect", penguins)

    line = next(line.split() for line in out.splitlines() if words[0] in line.split())
    assert line[: len(words)] == [*words[:-1], line[len(words) - 1]]
    assert line[len(words) - 1].startswith(words[-1])


def test_bounds_that_are_possible_stand_beside_the_range_that_was_seen(
    here: Path, podium_run: Command
) -> None:
    X = pd.DataFrame({"age": np.arange(20.0, 60.0)})
    bounds = {"fields": [{"name": "age", "bounds": {"minimum": 0, "maximum": 120}}]}
    podium.pack(LinearRegression().fit(X, X["age"]), X, name="m", path=here, signature=bounds)

    _, out, _ = podium_run("inspect", "m.podium")

    assert "20 to 59; possible: 0 to 120" in " ".join(out.split())


def test_json_holds_everything_but_the_model(penguins: Path, podium_run: Command) -> None:
    bundle = podium.load(penguins)

    code, out, _ = podium_run("inspect", penguins, "--json")

    told = json.loads(out)
    assert code == 0
    assert told["digest"] == f"sha256:{bundle.digest}"
    assert told["card"]["n_rows"] == 344
    assert msgspec.convert(told["signature"], Signature) == bundle.signature
    assert set(told["baseline"]["fields"]) == set(bundle.signature.names)
    assert told["n_background"] == 100


def test_training_rows_in_the_bundle_are_mentioned(penguins: Path, podium_run: Command) -> None:
    _, out, _ = podium_run("inspect", penguins)

    assert "100 training rows, for explanations" in " ".join(out.split())


def test_toml_is_a_signature_that_pack_takes_back(
    foreign: Path, here: Path, podium_run: Command
) -> None:
    signature = podium.load(foreign).signature

    _, out, _ = podium_run("inspect", foreign, "--toml")

    assert tomllib.loads(out)["fields"][1]["unit"] == "歳"
    Path("foreign.toml").write_text(out, "utf-8")
    assert corrected(signature, Path("foreign.toml")) == signature


def test_json_and_toml_at_once_are_refused(penguins: Path, podium_run: Command) -> None:
    code, _, err = podium_run("inspect", penguins, "--json", "--toml")

    assert code == 2
    assert "not both" in err


@pytest.mark.slow
def test_none_of_the_models_libraries_is_needed(penguins: Path) -> None:
    # A module that is None in sys.modules can't be imported.
    code = (
        "import sys\n"
        "for name in ('sklearn', 'skops', 'pandas', 'polars', 'scipy', 'joblib', 'pyarrow'):\n"
        "    sys.modules[name] = None\n"
        "from podium.cli.main import run\n"
        f"sys.exit(run(['inspect', {str(penguins)!r}]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )

    assert done.stderr == b""
    assert done.returncode == 0
    assert b"Penguin species" in done.stdout


def test_a_pickle_is_shown_without_being_loaded(pickled: Path, podium_run: Command) -> None:
    code, out, _ = podium_run("inspect", pickled)

    digest = podium.load(pickled).options["sha256"]
    assert code == 0
    assert f"trust       sha256:{digest}" in out
    assert out.splitlines()[-1] == f"podium serve {pickled} --trust sha256:{digest}"


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_one_of_200_fields_is_shown_whole_at_any_width(
    width: int, foreign: Path, podium_run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    _, out, _ = podium_run("inspect", foreign)

    page = out.partition("200 fields")[2]
    numbers = {word for word in page.split() if word.isdigit()}
    assert {str(i) for i in range(193)} <= numbers
    for name in ("العمر", "年齢", "नाम", "قیمت‌خانه", "[bold]x"):
        assert name in page


@pytest.mark.slow
def test_nothing_is_printed_that_a_terminal_obeys(foreign: Path, podium_run: Command) -> None:
    pages = [podium_run(command, foreign)[1] for command in ("inspect", "predict")]

    for page in pages:
        assert [c for c in "\x1b\x07\u202e" if c in page] == []
        assert "猫か犬か [bold]" in page
    assert "[red]none" in pages[0]


def test_a_file_that_is_not_a_bundle_is_refused(here: Path, podium_run: Command) -> None:
    Path("model.joblib").write_bytes(b"\x80\x04K\x01.")

    for name in ("model.joblib", "nothere.podium"):
        code, out, err = podium_run("inspect", name)

        assert (code, out) == (1, "")
        assert name in err
