"""A project without Podium's addresses."""

from __future__ import annotations

urlpatterns: list[object] = []
