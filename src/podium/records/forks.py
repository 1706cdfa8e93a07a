"""Forks: a child must inherit neither open SQLite connections nor file locks.

SQLite keeps its locks in tables of the process. A child that is forked while another thread writes
would see for ever that it holds the write lock itself; and since it also seems to hold the shared
lock, it takes no real one, so that the parent's last close may delete the log under it. Therefore a
fork waits until no statement runs, and closes the idle connections. Each process opens its own
later.

All state here belongs to the process, as a fork does. Invariant: a thread that waits for the gate
holds none of the locks that are taken behind it.

Source: https://www.sqlite.org/howtocorrupt.html, section 2.6
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from contextlib import ExitStack
from threading import get_ident

WAIT_S = 5.0

_log = logging.getLogger("podium")


class ForkAware:
    """An object that a fork affects; `watch` registers it for its lifetime."""

    def before_fork(self) -> None:
        """Close what must not be inherited; nothing runs behind the gate, except after a timeout."""

    def after_fork_in_child(self) -> None:
        """Release what belongs to the parent, such as locks that its threads hold."""


class _Gate:
    """`with gate:` makes a fork wait until the block has ended; it may be nested."""

    def __init__(self) -> None:
        self._owners: weakref.WeakSet[ForkAware] = weakref.WeakSet()
        # How often each thread is in such a block. Each accesses only its own entry, without a
        # lock: it enters first and checks for a fork afterwards, and a fork does both in the
        # opposite order.
        self._depths: dict[int, int] = {}
        self._is_registered = False
        self._reset()

    def __enter__(self) -> None:
        thread = get_ident()
        self._depths[thread] = depth = self._depths.get(thread, 0) + 1
        if self._is_forking and depth == 1:
            self._wait(thread)

    def __exit__(self, *_: object) -> None:
        thread = get_ident()
        depth = self._depths[thread] - 1
        if depth:
            self._depths[thread] = depth
        else:
            self._exit(thread)

    def add(self, owner: ForkAware) -> None:
        with self._changed:
            self._owners.add(owner)
        if not self._is_registered and hasattr(os, "register_at_fork"):
            self._is_registered = True
            os.register_at_fork(
                before=self._before,
                after_in_parent=self._after_in_parent,
                after_in_child=self._after_in_child,
            )

    def _wait(self, thread: int) -> None:
        self._exit(thread)
        with self._changed:
            while self._is_forking:
                self._changed.wait()
            self._depths[thread] = 1

    def _exit(self, thread: int) -> None:
        del self._depths[thread]
        if self._is_forking:
            with self._changed:
                self._changed.notify_all()

    def _reset(self) -> None:
        self._one_fork = threading.RLock()
        self._changed = threading.Condition()
        self._is_forking = False

    def _before(self) -> None:
        self._one_fork.acquire()  # released after the fork
        with self._changed:
            self._is_forking = True
            if not self._changed.wait_for(self._is_free, WAIT_S):
                _log.warning("fork_while_busy: a statement took longer than %g s", WAIT_S)
            owners = list(self._owners)
        with ExitStack() as calls:  # even if one of them raises, the others are called
            for owner in owners:
                calls.callback(owner.before_fork)

    def _is_free(self) -> bool:
        return not set(self._depths.copy()) - {get_ident()}

    def _after_in_parent(self) -> None:
        with self._changed:
            self._is_forking = False
            self._changed.notify_all()
        self._one_fork.release()

    def _after_in_child(self) -> None:
        thread = get_ident()
        self._depths = {thread: self._depths[thread]} if thread in self._depths else {}
        self._reset()
        with ExitStack() as calls:
            for owner in list(self._owners):
                calls.callback(owner.after_fork_in_child)


gate = _Gate()
# Connections that another thread used for longer than a fork waits: closing one in the child could
# block for ever.
_abandoned: list[object] = []


def watch(owner: ForkAware) -> None:
    """Notify an object of every fork; call this behind the gate, or before anything is open."""
    gate.add(owner)


def abandon(connection: object) -> None:
    """Keep a connection of the parent open, but unused, in the child."""
    _abandoned.append(connection)
