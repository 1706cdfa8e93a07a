"""Rendered pages, cached as long as rendering them again would give the same result."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeAlias

PAGES_MAX = 64

# What appears in the URL, and everything else the page shows.
Key: TypeAlias = tuple[str, ...]
Basis: TypeAlias = tuple[object, ...]


class PageCache:
    """The pages that were shown last, each with everything it was rendered from.

    Nothing here is ever outdated: callers pass the current content, and get the cached page only if
    the content is equal.
    """

    def __init__(self, most: int = PAGES_MAX) -> None:
        self._most = most
        self._pages: OrderedDict[Key, tuple[Basis, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, basis: Basis) -> bytes | None:
        """The cached page for a key, if it was rendered from equal content; otherwise None."""
        with self._lock:
            kept = self._pages.get(key)
            if kept is None:
                return None
            self._pages.move_to_end(key)
        return kept[1] if kept[0] == basis else None

    def put(self, key: Key, basis: Basis, html: bytes) -> None:
        """Cache a page; the least recently used one is dropped."""
        with self._lock:
            self._pages[key] = basis, html
            self._pages.move_to_end(key)
            if len(self._pages) > self._most:
                self._pages.popitem(last=False)
