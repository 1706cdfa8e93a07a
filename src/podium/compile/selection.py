"""Transformers that keep some columns."""

from __future__ import annotations

from typing import Any

TRANSFORMERS: dict[str, Any] = {}
