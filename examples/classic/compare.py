"""Count and measure the three apps, and write the tables into the docs.

    python examples/classic/compare.py --document docs/classic.md --images images.json

`bench/image.py` writes the sizes of images that `--images` reads.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from contenders import CONTENDERS, PODIUM, PODIUM_WITH_ACCOUNTS, ROW, App
from features import FEATURES, OF_ACCOUNTS, probe
from train import train

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))
from bench.documents import put, table_of  # noqa: E402 - found only from here

N_STARTS = 3
LOAD_S = 5
CONNECTIONS = 16
CODE = (".py", ".html", ".css")
COMMENT = {".py": "#", ".css": "/*", ".html": "<!--"}


@dataclass(frozen=True)
class Counted:
    """What one app costs to write and to run.

    Attributes:
        more: features that another flag of its command brings.
    """

    name: str
    n_lines: int
    n_files: int
    n_commands: int
    ready_s: float
    per_s: float | None
    features: dict[str, bool]
    more: frozenset[str]


def lines_of(folder: Path | None) -> tuple[int, int]:
    """Lines of code that aren't blank or comments, and the files that hold them."""
    if folder is None:
        return 0, 0
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in CODE]
    counts = []
    for file in files:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
        counts.append(
            sum(bool(line) and not line.startswith(COMMENT[file.suffix]) for line in lines)
        )
    return sum(counts), sum(count > 0 for count in counts)


def per_second(app: App) -> float | None:
    """Predictions that it gives a second; None where `wrk` isn't installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    script = app.models / "ask.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [[{json.dumps(ROW)}]]\n"
    )
    done = subprocess.run(
        [
            *(*pinned(1), wrk, "-t1", f"-c{CONNECTIONS}", f"-d{LOAD_S}s", "-s", str(script)),
            app.address + app.contender.api,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None or "Non-2xx" in done.stdout:
        raise SystemExit(f"{app.contender.name}: {done.stdout}")
    return float(found.group(1))


def pinned(core: int) -> list[str]:
    """What holds a command to one core."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") else []


def count(app: App) -> Counted:
    """Prepare, start, ask and look at one of them."""
    app.prepare()
    ready = []
    for _ in range(N_STARTS):
        with app.running():
            ready.append(app.ready_s)
    with app.running():
        features = probe(app)
        per_s = per_second(app)
    n_lines, n_files = lines_of(app.contender.folder)
    n_commands = len(app.contender.prepare) + 1
    more = with_accounts(app) if app.contender is PODIUM else frozenset()
    return Counted(
        name=app.contender.name,
        n_lines=n_lines,
        n_files=n_files,
        n_commands=n_commands,
        ready_s=statistics.median(ready),
        per_s=per_s,
        features=features,
        more=more,
    )


def with_accounts(app: App) -> frozenset[str]:
    """What the same bundle has besides, served with `--accounts`."""
    with App(PODIUM_WITH_ACCOUNTS, app.models).running() as running:
        return frozenset(name for name, has in probe(running, OF_ACCOUNTS).items() if has)


def told(one: Counted, feature: str) -> str:
    """A cell of the second table."""
    if one.features[feature]:
        return "yes"
    return "with `--accounts`" if feature in one.more else "no"


def total(one: Counted) -> str:
    """How many features it has; in brackets with accounts."""
    had = sum(one.features.values())
    more = sum(not one.features[name] for name in one.more)
    return f"{had} (with `--accounts` {had + more})" if more else str(had)


def figures(counted: list[Counted], images: dict[str, int]) -> list[list[str]]:
    """The rows of the first table."""
    table = [
        ["lines of code", *(f"{one.n_lines:,}" for one in counted)],
        ["files", *(str(one.n_files) for one in counted)],
        ["commands to serve it", *(str(one.n_commands) for one in counted)],
        ["seconds to the first answer", *(f"{one.ready_s:.2f}" for one in counted)],
        ["predictions a second", *(f"{one.per_s:,.0f}" if one.per_s else "" for one in counted)],
    ]
    if images:
        sizes = [f"{images[one.name]:,}" if one.name in images else "" for one in counted]
        table.append(["bytes of image", *sizes])
    table.append(["of 25 features", *(total(one) for one in counted)])
    return table


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--document", type=Path, help="a page with places for the tables")
    parser.add_argument("--images", type=Path, help="sizes of images, as bench/image.py has them")
    options = parser.parse_args()
    images = json.loads(options.images.read_text("utf-8")) if options.images else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(folder)
        counted = [count(App(contender, folder, words=pinned(0))) for contender in CONTENDERS]
    head = ["", *(one.name for one in counted)]
    counts = table_of(head, figures(counted, images))
    features = table_of(
        head,
        [[name, *(told(one, name) for one in counted)] for name in FEATURES],
    )
    print(counts, features, sep="\n")
    if options.document:
        put(options.document, "classic", counts)
        put(options.document, "features", features)


if __name__ == "__main__":
    main()
