"""Runtimes by name: ours, those of other packages, and names that nobody knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import podium
from podium import Field, Signature
from podium.bundle.libraries import packages_in
from podium.bundle.runtimes import RUNTIMES, open_runtime
from podium.errors import BundleError, MissingExtra, SetupError
from podium.plugins import load
from podium.runtimes import PackedModel
from podium.testing import Client

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "runtime.md"
BLOCKS = dict(
    re.findall(
        r'^```python title="([^"]+)"\n(.*?)^```$', PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
)
PACKED = PackedModel(name="stranger", signature=Signature(fields=(Field(name="x"),)), files={})


def register(folder: Path, *lines: str, package: str = "scorecards") -> None:
    """Make a package that registers runtimes, as one that is installed does."""
    about = folder / f"{package}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (about / "top_level.txt").write_text(f"{package}\n")
    (about / "entry_points.txt").write_text("\n".join(["[podium.runtimes]", *lines, ""]))


@pytest.fixture
def scorecards(tmp_path, monkeypatch):
    """The package that the documentation writes."""
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, "utf-8")
    register(tmp_path, "scorecard = scorecards:Scorecard", "broken = scorecards:nothing")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("scorecards", None)


def test_a_package_can_bring_a_runtime(scorecards):
    exec(compile(BLOCKS["pack_scorecard.py"], "pack_scorecard.py", "exec"), {})

    bundle = podium.load(scorecards / "credit.podium")

    assert bundle.runtime_name == "scorecard"
    assert bundle.predict({"age": 40, "years_employed": 5}).predictions.tolist() == [40.0]
    assert bundle.card.libraries["scorecards"] == "1"
    assert packages_in(bundle.options) == ("scorecards",)  # an image gets it


@pytest.mark.slow
def test_a_model_of_another_package_is_served_like_any_other(scorecards):
    exec(compile(BLOCKS["pack_scorecard.py"], "pack_scorecard.py", "exec"), {})
    app = podium.App("credit.podium", home="home")
    client = Client(app)
    row = {"age": 40, "years_employed": 5}

    many = client.post("/api/models/credit/predict", [row, row]).json()
    bad = client.post("/api/models/credit/predict", {"age": "old"})
    page = client.get("/models/credit")
    app.close()

    assert many["predictions"] == [40, 40]
    assert (bad.status, page.status) == (422, 200)


@pytest.mark.slow
def test_its_author_can_run_the_contract(scorecards):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]

    done = subprocess.run(
        [*command, "test_scorecards.py"],
        cwd=scorecards,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_a_damaged_model_is_refused_by_the_runtime_of_another_package(scorecards):
    with pytest.raises(BundleError, match=r"the scorecard of stranger can't be read: 'x'"):
        open_runtime(
            "scorecard",
            PackedModel(name="stranger", signature=PACKED.signature, files={"points.json": b"{}"}),
        )
    with pytest.raises(BundleError, match=r"has no file 'points\.json'"):
        open_runtime("scorecard", PACKED)


def test_what_its_code_raises_names_the_model(tmp_path, monkeypatch):
    (tmp_path / "odd_runtime.py").write_text(
        "def open(packed):\n    raise OSError('no such device')\n"
    )
    register(tmp_path, "odd = odd_runtime:open", package="odd-runtime")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BundleError, match="odd can't open the model of stranger: OSError: no such"):
        open_runtime("odd", PACKED)


def test_a_runtime_that_nobody_brings_is_named_with_those_that_are_known():
    with pytest.raises(BundleError, match=r"stranger.*'abacus'") as raised:
        open_runtime("abacus", PACKED)

    assert "onnx, pickle, program, python, skops" in raised.value.hint


def test_a_name_that_two_packages_claim_is_refused(scorecards):
    register(scorecards, "scorecard = others:Scorecard", package="others")

    with pytest.raises(BundleError, match="two packages claim 'scorecard'"):
        open_runtime("scorecard", PACKED)


def test_no_package_can_take_the_name_of_ours(tmp_path, monkeypatch):
    register(tmp_path, *(f"{name} = os:system" for name in RUNTIMES))
    monkeypatch.syspath_prepend(tmp_path)

    for name in RUNTIMES:
        assert load("runtimes", name, RUNTIMES).__module__.startswith("podium.")


def test_ours_that_lacks_its_library_names_the_extra():
    table = {"shelf": ("sql", "podium.no_such_module:Shelf")}

    with pytest.raises(MissingExtra, match="the extra 'sql'"):
        load("stores", "shelf", table)


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_a_bundle_without_the_files_of_its_model_is_refused(name):
    with pytest.raises((BundleError, SetupError), match=r"has no (file|option)|lack"):
        open_runtime(name, PACKED)


def test_files_without_a_signature_are_refused(tmp_path):
    part = podium.bundle.ModelPart(runtime="scorecard", files={})

    with pytest.raises(SetupError, match="the runtime 'scorecard' needs a signature"):
        podium.pack(part, name="credit", path=tmp_path)
