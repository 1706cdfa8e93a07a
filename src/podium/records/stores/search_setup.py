"""The indices of a search cluster: made when they are first needed, and refreshed for a search."""

from __future__ import annotations

import os
import threading
from typing import Any

from podium.errors import StoreError
from podium.records import forks
from podium.records.stores.search_cluster import Answer, Cluster
from podium.records.stores.search_index import (
    MAPPING,
    VERSION,
    index_body,
    pattern_of,
    template_of,
)


class Indices(forks.ForkAware):
    """Prepares the cluster once in each process, and each index before its first record.

    The template serves whoever makes an index first: a server of this or another version, or the
    cluster itself. A user without the rights to templates gets by without one, and one without the
    right to make indices, if there are some.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._pid = 0
        self._existing: frozenset[str] = frozenset()
        self._may_refresh = True
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Write the template, and add what older indices lack.

        Raises:
            StoreError: the cluster fails, or what it has under this name isn't ours.
        """
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._write_template()
                self._complete()
                self._existing, self._pid = frozenset(), os.getpid()

    def create(self, names: set[str]) -> None:
        """Create the indices that are missing.

        Raises:
            StoreError: the cluster fails.
        """
        self.prepare()
        for name in sorted(names - self._existing):
            answer = self._cluster.request(
                "PUT", f"/{name}", index_body(self._cluster.address), allowed=(400, 403)
            )
            # Without the right to create it, it may exist: a write will show.
            is_there = answer.error in ("", "resource_already_exists_exception")
            if answer.status == 400 and not is_there:
                raise self._cluster.failure(answer.status, answer.body)
            with self._lock:
                self._existing |= {name}

    def forget(self) -> None:
        """Look again which indices exist: somebody may have deleted one."""
        with self._lock:
            self._existing = frozenset()

    def refresh(self) -> None:
        """Make everything that is written visible to searches.

        Without the right to, it becomes visible a moment later: within a second, as a rule.

        Raises:
            StoreError: the cluster fails.
        """
        self.prepare()
        if not self._may_refresh:
            return
        path = f"/{pattern_of(self._cluster.address)}/_refresh"
        answer = self._cluster.request("POST", path, allowed=(403, 404))
        self._may_refresh = answer.status != 403

    def _write_template(self) -> None:
        path = f"/_index_template/{self._cluster.address.prefix}-records"
        found = self._cluster.request("GET", path, allowed=(403, 404))
        if found.status == 403 or _version(found) > VERSION:
            return
        body = template_of(self._cluster.address)
        self._cluster.request("PUT", path, body, allowed=(403,))

    def _complete(self) -> None:
        """Add the fields of this version to the indices of an older one."""
        path = f"/{pattern_of(self._cluster.address)}/_mapping"
        body = {"properties": MAPPING["properties"]}
        answer = self._cluster.request("PUT", path, body, allowed=(400, 403, 404))
        if answer.status == 400:
            failure = self._cluster.failure(answer.status, answer.body)
            raise StoreError(
                failure.message,
                hint="indices of another program have such names: put another prefix into the URL",
            )


def _version(found: Answer) -> int:
    """Of the template that the cluster has; 0 if it has none."""
    templates: list[Any] = found.body.get("index_templates", []) if found.status < 300 else []
    versions = [one["index_template"].get("version", 0) for one in templates]
    return max(versions, default=0)
