"""A bundle can't make Podium import a module that declares no model: importing runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.bundle.functions import bundled_function
from podium.errors import PodiumError, UntrustedModel

MODULES = {
    "sung/__init__.py": "",
    "sung/canary.py": "from pathlib import Path\nPath('it-sang').touch()\ndef fire(x: float): ...\n",
    "loud/__init__.py": "from pathlib import Path\nPath('it-sang').touch()\n",
    "plain.py": "import podium\n\ndef fire(x: float) -> float:\n    return x\n",
    "own.py": "import podium\n\n@podium.model\ndef twice(x: float) -> float:\n    return 2 * x\n",
    "called.py": (
        "from podium import model as model\n\n@model(name='three')\ndef thrice(x: float) -> float:\n"
        "    return 3 * x\n"
    ),
    "made.py": (
        "import podium as p\n\ndef _half(x: float) -> float:\n    return x / 2\n\n"
        "half = p.model(name='half')(_half)\n"
    ),
    "shop/__init__.py": "from .prices import price as cost\nfrom own import *\n",
    "shop/prices.py": "import podium\n\n@podium.model\ndef price(x: float) -> float:\n    return x\n",
    "round/__init__.py": "from round import fire\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with modules, in which the test runs."""
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield tmp_path
    assert not (tmp_path / "it-sang").exists()
    for name in {name.partition("/")[0].removesuffix(".py") for name in MODULES} | {"odd"}:
        for module in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[module]
    sys.path[:] = before


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "path",
    [
        "sung.canary:fire",
        "sung.canary:podium",
        "sung.canary:Path",
        "loud:fire",
        "loud.inner:fire",
        "plain:fire",
        "round:fire",
        "antigravity:fly",
        "this:s",
        "os:system",
        "subprocess:Popen",
        "podium.__main__:run",
        "idlelib.idle:idlelib",
        "_ctypes_test:func",
        "nowhere:f",
        "own.inner:twice",
        "own:twice.x",
        "../own:twice",
        "own.py:twice",
    ],
)
def test_a_bundle_imports_nothing_that_declares_no_model(path: str) -> None:
    with pytest.raises(PodiumError):
        bundled_function(path, "evil", ())

    assert not {"sung", "loud", "plain", "antigravity", "idlelib"} & sys.modules.keys()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("own:twice", 2),
        ("called:thrice", 3),
        ("made:half", 0.5),
        ("shop:cost", 1),
        ("shop:twice", 2),
    ],
)
def test_what_is_declared_is_served_however_it_is_written(path: str, answer: float) -> None:
    assert bundled_function(path, "mine", ())(1.0) == answer


def test_another_module_can_be_trusted_by_its_digest(here: Path) -> None:
    (here / "odd.py").write_text(
        "import podium\ndef _f(x: float) -> float:\n    return x\n"
        "globals()['same'] = podium.model(_f)\n"
    )
    with pytest.raises(UntrustedModel) as caught:
        bundled_function("odd:same", "odd", ())

    assert bundled_function("odd:same", "odd", [caught.value.digest])(4.0) == 4


@pytest.mark.usefixtures("here")
def test_a_packed_function_comes_back_in_another_process(tmp_path: Path) -> None:
    bundle = podium.pack(bundled_function("own:twice", "own", ()), name="own", path=tmp_path)
    del sys.modules["own"]

    assert podium.load(bundle.path or "").predict({"x": 2.0}).predictions.tolist() == [4.0]
