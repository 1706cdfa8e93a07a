"""Projections: PCA, singular values, partial least squares."""

from __future__ import annotations

from typing import Any

TRANSFORMERS: dict[str, Any] = {}
