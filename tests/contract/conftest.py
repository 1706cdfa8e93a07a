"""Failures of the contracts show the values that differ."""

from __future__ import annotations

import sys

import pytest

# A module that another test has imported already can't be rewritten any more.
for name in ("podium.testing.stores", "podium.testing.runtimes"):
    if name not in sys.modules:
        pytest.register_assert_rewrite(name)
