"""Missing values filled from other columns, or told apart."""

from __future__ import annotations

from typing import Any

TRANSFORMERS: dict[str, Any] = {}
