"""Whether bundles give the same bits under other versions of Python, without the models' libraries.

python -m bench.zoo.elsewhere pipelines own_code --python python3.12 python3.13

Each Python gets an environment of its own with numpy and Podium's few dependencies, and nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from bench.zoo.case import Case

import podium
from podium.errors import PodiumError
from podium.table import Table, plain_values

ROOT = Path(__file__).parents[2]
# Rows of each case; they are predicted together, and each of the first by itself.
ROWS = 60

# What runs there: it reads the rows, and writes the bits of the predictions.
THERE = """
import pickle, sys
from pathlib import Path
import numpy, podium
for module in ("sklearn", "pandas", "scipy"):
    assert module not in sys.modules
for path in sorted(Path(sys.argv[1]).glob("*.podium")):
    rows = pickle.loads(path.with_suffix(".rows").read_bytes())
    bundle = podium.load(path)
    whole = bundle.predict(rows)
    alone = [bundle.predict([row]) for row in rows[:5]]
    found = [[one.predictions, one.probabilities, one.scores] for one in (whole, *alone)]
    path.with_suffix(".there").write_bytes(pickle.dumps(found, 4))
print(sys.version.split()[0], "numpy", numpy.__version__)
"""


def packed(cases: Sequence[Case], folder: Path) -> Iterator[str]:
    """Pack the cases that compile, with rows and the bits of their predictions here."""
    import pickle

    for number, case in enumerate(cases):
        path = folder / f"{number:04}.podium"
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                model, X = case.fit()
                bundle = podium.pack(
                    model, X, name="case", path=path, importance=False, background=0
                )
            except PodiumError:
                continue
        if not bundle.is_compiled:
            path.unlink()
            continue
        rows = _rows(Table.of(X), bundle.signature.names)
        whole = bundle.predict(rows)
        alone = [bundle.predict([row]) for row in rows[:5]]
        found = [[one.predictions, one.probabilities, one.scores] for one in (whole, *alone)]
        path.with_suffix(".rows").write_bytes(pickle.dumps(rows, 4))
        path.with_suffix(".here").write_bytes(pickle.dumps(found, 4))
        yield case.name


def _rows(table: Table, names: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of plain values, which need no library."""
    some = table.take(slice(0, ROWS))
    columns = [plain_values(column) for column in some.columns.values()]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def environment(python: str, folder: Path) -> Path:
    """A bare environment: Podium as it is here, and its dependencies."""
    name = folder / Path(python).resolve().as_posix().strip("/").replace("/", "-")
    own = name / "bin" / "python"
    if not own.exists():
        subprocess.run([python, "-m", "venv", str(name)], check=True)
        subprocess.run([str(own), "-m", "pip", "install", "-q", str(ROOT)], check=True)
    return own


def differing(folder: Path) -> list[str]:
    """The bundles whose bits differ between here and there."""
    import pickle

    found = []
    for here in sorted(folder.glob("*.here")):
        ours = pickle.loads(here.read_bytes())
        theirs = pickle.loads(here.with_suffix(".there").read_bytes())
        pairs = zip(_flat(ours), _flat(theirs), strict=True)
        if not all(_is_same(one, other) for one, other in pairs):
            found.append(here.stem)
    return found


def _flat(outputs: Any) -> list[Any]:
    return [part for one in outputs for part in one]


def _is_same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    if one.dtype.kind == "O":
        return bool(one.tolist() == other.tolist())
    return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())


def main() -> None:
    """Pack here, predict there, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="+", metavar="PART")
    parser.add_argument("--python", nargs="+", required=True)
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv" / "elsewhere")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    cases = [
        case
        for part in options.parts
        for case in import_module(f"bench.zoo.{part}").CASES
        if options.only in case.name
    ]
    n_different = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        names = list(packed(cases, folder))
        print(f"{len(names)} of {len(cases)} compiled here, Python {sys.version.split()[0]}")
        for python in options.python:
            own = environment(python, options.environments)
            subprocess.run([str(own), "-c", THERE, str(folder)], check=True, cwd=folder)
            bad = differing(folder)
            n_different += len(bad)
            print(f"  {len(names) - len(bad)} with the same bits", *bad)
    sys.exit(bool(n_different))


if __name__ == "__main__":
    main()
