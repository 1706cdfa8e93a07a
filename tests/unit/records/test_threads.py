"""Threads in which a store sends several requests at once."""

from __future__ import annotations

import os
import threading

import pytest

from podium.errors import StoreError
from podium.records.stores.threads import N_THREADS, Threads


def test_results_come_in_the_order_of_the_values_from_several_threads() -> None:
    threads = Threads("test-order")
    barrier = threading.Barrier(N_THREADS, timeout=60)

    def work(value: int) -> tuple[int, str]:
        barrier.wait()  # passes only if all of them run at once
        return value, threading.current_thread().name

    results = threads.each(work, range(N_THREADS))
    threads.close()

    assert [value for value, _ in results] == list(range(N_THREADS))
    assert len({name for _, name in results}) == N_THREADS


def test_a_failure_is_raised_and_ends_what_has_not_begun() -> None:
    threads = Threads("test-failure")
    begun: list[int] = []
    release = threading.Event()

    def work(value: int) -> None:
        begun.append(value)
        if not value:
            raise StoreError("value 0")
        release.wait(60)

    with pytest.raises(StoreError, match="value 0"):
        threads.each(work, range(1_000))
    release.set()
    threads.close()

    assert len(begun) <= 2 * N_THREADS


def test_nothing_is_begun_after_it_was_closed() -> None:
    threads = Threads("test-close")
    threads.each(abs, range(-3, 0))
    threads.close()
    threads.close()

    with pytest.raises(StoreError, match="closed"):
        threads.each(abs, range(-3, 0))
    assert not [one for one in threading.enumerate() if one.name.startswith("test-close")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own() -> None:
    threads = Threads("test-fork")
    threads.each(abs, range(-3, 0))

    pid = os.fork()
    if not pid:  # the child: whatever happens, it must end here
        status = 1
        try:
            status = 0 if threads.each(abs, [-1, -2]) == [1, 2] else 2
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    threads.close()
