"""Which tables live in which database."""

from __future__ import annotations

from typing import Any

APART = "predictions"


class PredictionsApart:
    """Predictions have a database of their own; all else is in the first one."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return self.db_for_write(model, **hints)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return APART if model._meta.label_lower == "podium.prediction" else None

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool:
        return (db == APART) == ((app_label, model_name) == ("podium", "prediction"))
