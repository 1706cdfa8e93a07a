"""Models made of models: voting, stacking, bagging, boosting."""

from __future__ import annotations

from typing import Any

MODELS: dict[str, Any] = {}
