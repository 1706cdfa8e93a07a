"""The contract of stores for servers of tests that are slow, unless there is time (PODIUM_SOAK)."""

from __future__ import annotations

import os

import pytest

from podium.testing import StoreContract
from podium.testing.stores import filtering

IS_SHORT = "PODIUM_SOAK" not in os.environ


class FewQueries:
    """With a quarter of the random queries: fast stores ask all of them."""

    if IS_SHORT:

        @pytest.fixture(autouse=True)
        def _few_queries(self, monkeypatch) -> None:
            monkeypatch.setattr(filtering, "N_QUERIES", 30)


class ShortContract(StoreContract):
    """Without the three tests that need thousands of requests, and with fewer random queries."""

    if IS_SHORT:
        test_deleting_leaves_every_other_record = None
        test_feedback_for_many_reaches_the_records_of_the_model_only = None
        test_threads_that_delete_together_count_each_record_once = None

        @pytest.fixture(autouse=True)
        def _few_queries(self, monkeypatch) -> None:
            monkeypatch.setattr(filtering, "N_QUERIES", 8)
