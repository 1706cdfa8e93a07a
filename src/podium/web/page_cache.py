"""Pages that were made already, for as long as they would come out the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeAlias

PAGES_MAX = 64

# What stands in an address, and whatever else the page shows.
Key: TypeAlias = tuple[str, ...]
Basis: TypeAlias = tuple[object, ...]


class PageCache:
    """The pages that were last shown, each with all that it was made of.

    Nothing is ever out of date here: who asks brings what the page would be made of now, and gets
    the old one only if that is equal.
    """

    def __init__(self, most: int = PAGES_MAX) -> None:
        self._most = most
        self._pages: OrderedDict[Key, tuple[Basis, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, basis: Basis) -> bytes | None:
        """The page at an address, if it was made of the same; else None."""
        with self._lock:
            kept = self._pages.get(key)
            if kept is None:
                return None
            self._pages.move_to_end(key)
        return kept[1] if kept[0] == basis else None

    def put(self, key: Key, basis: Basis, html: bytes) -> None:
        """Keep a page; the one that nobody asked for longest goes."""
        with self._lock:
            self._pages[key] = basis, html
            self._pages.move_to_end(key)
            if len(self._pages) > self._most:
                self._pages.popitem(last=False)
