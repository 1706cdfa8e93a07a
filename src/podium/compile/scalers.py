"""Transformers of numbers, column by column: bins, powers, quantiles, splines."""

from __future__ import annotations

from typing import Any

TRANSFORMERS: dict[str, Any] = {}
