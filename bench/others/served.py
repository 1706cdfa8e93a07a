"""Fits, packs and serves each case; runs in the environment of these libraries."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from bench.others.cases import CASES, Served, fitted

import podium
from podium.bundle.bundle import Bundle
from podium.table import Table, plain_values
from podium.testing import ServerProcess

# Rows that are sent to the API in one request.
ROWS = 20


@dataclass(frozen=True)
class Line:
    """A case in the table.

    Attributes:
        difference: the largest relative one between an output of the API and the library's own.
        is_on_page: whether the page shows the outputs of a row that was sent by its form.
    """

    name: str
    outputs: str
    difference: float
    is_on_page: bool

    @property
    def is_fine(self) -> bool:
        """Whether the case holds."""
        return self.difference <= 1e-9 and self.is_on_page


def line_of(name: str, case: Served, bundle: Bundle, address: str) -> Line:
    """Ask a server for the case."""
    table = Table.of(case.rows)
    names = bundle.signature.names
    columns = {one: plain_values(table.columns[one])[:ROWS] for one in names}
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    answer = httpx.post(f"{address}/api/models/{bundle.name}/predict", json=rows, timeout=60)
    answer.raise_for_status()
    outputs = [one.name for one in bundle.signature.outputs]
    found = answer.json()["predictions"]
    ours = np.array(
        [list(one.values()) if isinstance(one, dict) else [one] for one in found], float
    )
    theirs = np.asarray(case.theirs, np.float64)[:ROWS]
    scale = np.maximum(np.abs(theirs), 1e-300)
    difference = (
        float(np.max(np.abs(ours - theirs) / scale)) if ours.shape == theirs.shape else np.inf
    )
    return Line(name, ", ".join(outputs), difference, is_on_page(bundle, rows[0], address))


def is_on_page(bundle: Bundle, row: dict[str, object], address: str) -> bool:
    """Whether the form of a model takes a row, and its result names each output."""
    page = f"{address}/models/{bundle.name}"
    form = httpx.get(page, timeout=60).raise_for_status().text
    inputs = set(re.findall(r'name="([^"]+)"', form))
    if not set(row) <= inputs:
        return False
    sent = {name: str(value) for name, value in row.items()}
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        result = client.post(page, data=sent, headers={"origin": address}).raise_for_status()
    shown = result.text.partition("Prediction")[2].casefold()
    names = [one.name.replace("_", " ") for one in bundle.signature.outputs]
    return "/results/" in str(result.url) and all(name in shown for name in names)


def main() -> int:
    """Print a line for each case; returns 1 if one doesn't hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    names = [name for name in CASES if parser.parse_args().only in name]
    lines = []
    with TemporaryDirectory() as folder:
        cases, bundles = {}, {}
        for number, name in enumerate(names):
            cases[name] = case = fitted(name)
            path = Path(folder) / f"case{number}.podium"
            bundles[name] = podium.pack(
                case.model, case.rows, name=f"case{number}", path=path, **dict(case.options)
            )
        trust = [f"--trust=sha256:{one.options['sha256']}" for one in bundles.values()]
        models = [str(one.path) for one in bundles.values()]
        with ServerProcess(*models, *trust, home=Path(folder) / "home", ready_s=120) as server:
            for name in names:
                lines.append(line_of(name, cases[name], bundles[name], server.address))
                one = lines[-1]
                mark = "served" if one.is_fine else "FAILED"
                print(f"{name:50} {mark} {one.difference:7.0e}  {one.outputs}", flush=True)
    print(f"{sum(one.is_fine for one in lines)} of {len(lines)} are packed and served")
    return int(not all(one.is_fine for one in lines))


if __name__ == "__main__":
    sys.exit(main())
