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
    end_us_of,
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
        self._has_written = False
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

    def written(self) -> None:
        """Something was written, which the next search has to see."""
        self._has_written = True

    def refresh(self, *, is_first: bool = True) -> None:
        """Make everything that is written visible to searches.

        A search that goes on needs it only for what this process wrote: refreshing for each page of an
        export, while others write, would leave a small segment behind for each. Without the right to, it becomes visible a moment later: within a second, as a rule.

        Raises:
            StoreError: the cluster fails.
        """
        self.prepare()
        if not self._may_refresh or not (is_first or self._has_written):
            return
        self._has_written = False
        path = f"/{pattern_of(self._cluster.address)}/_refresh"
        answer = self._cluster.request("POST", path, allowed=(403, 404))
        self._may_refresh = answer.error != "security_exception"

    def drop_before(self, time_us: int) -> int:
        """Delete the indices of months that ended before this time; returns how many records.

        A late record of such a month is as old: it may be deleted with it. This works on a full disk,
        too, where single records can't be deleted.

        Raises:
            StoreError: the cluster fails.
        """
        self.refresh()
        path = f"/{pattern_of(self._cluster.address)}/_settings/index.number_of_shards"
        names = self._cluster.request("GET", path, allowed=(403, 404))
        n_records = 0
        for name in sorted(names.body) if names.status < 300 else ():
            end_us = end_us_of(name)
            if end_us is not None and end_us <= time_us:
                n_records += self._drop(name, time_us)
        return n_records

    def _drop(self, name: str, before_us: int) -> int:
        """Delete an index, unless it has a record that isn't old, whatever its id says."""
        later = {"query": {"range": {"time_us": {"gte": before_us}}}}
        n_later = self._cluster.request("POST", f"/{name}/_count", later, allowed=(404,))
        every = self._cluster.request("POST", f"/{name}/_count", allowed=(404,))
        if 404 in (n_later.status, every.status) or n_later.body["count"]:
            return 0  # another server was faster, or it stays
        n_records = int(every.body["count"])
        # Without the right to, its records are deleted one by one.
        dropped = self._cluster.request("DELETE", f"/{name}", allowed=(403, 404))
        self.forget()
        return n_records if dropped.status < 300 else 0

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
