"""The exporter of what never compiles: it says why, and what would compile in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.compile.builder import Builder
from podium.compile.features import Features, NotCompiled


def refused(why: str) -> Callable[[Any, Builder, Features], Any]:
    """An exporter that raises NotCompiled with this reason."""

    def export(_estimator: Any, _build: Builder, _x: Features) -> Any:
        raise NotCompiled(why)

    return export
