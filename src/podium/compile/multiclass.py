"""Models of several classes or outputs, made of simpler ones."""

from __future__ import annotations

from typing import Any

MODELS: dict[str, Any] = {}
