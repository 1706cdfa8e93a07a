"""Servers to be hurt: one model that works, one that fails, hangs or ends the process when asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium

FUNCTION = '''
import asyncio
import ctypes
import os
import signal
import time
from typing import Annotated
import podium


@podium.model
def fragile(number: float, how: str = "") -> float:
    """Twice the number, unless it is told to fail."""
    if how == "raise":
        raise ValueError("poison")
    if how == "nan":
        return float("nan")
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":  # and keeps every thread of the process from running
        ctypes.PyDLL(None).sleep(60)
    if how.startswith("sleep"):
        time.sleep(float(how[5:]))
    return 2 * number


@podium.model
async def remote(number: float, how: str = "") -> float:
    """Twice the number, after a while."""
    if how == "raise":
        raise ValueError("poison")
    await asyncio.sleep(0.05)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number
'''


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    folder = tmp_path_factory.mktemp("fragile")
    (folder / "fragile_models.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import fragile_models

    packed = [
        podium.pack(one, name=one.name, path=folder)
        for one in (fragile_models.fragile, fragile_models.remote)
    ]
    yield [str(one.path) for one in packed]
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def search(bundles: list[str]) -> dict[str, str]:
    known = os.environ.get("PYTHONPATH")
    folders = [str(Path(bundles[0]).parent), *([known] if known else [])]
    return {"PYTHONPATH": os.pathsep.join(folders)}
