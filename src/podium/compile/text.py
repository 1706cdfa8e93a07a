"""Texts to counts of words."""

from __future__ import annotations

from typing import Any

TRANSFORMERS: dict[str, Any] = {}
