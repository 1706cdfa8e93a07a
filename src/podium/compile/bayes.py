"""Naive Bayes and discriminant analysis."""

from __future__ import annotations

from typing import Any

MODELS: dict[str, Any] = {}
