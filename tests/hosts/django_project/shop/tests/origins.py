"""Pages of other origins in a Django project; run by `tests/hosts/test_origins.py`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
from origins import check_listed, check_with_credentials

from shop.tests.shop_case import PREFIX, RecordsCase, with_podium


class Origins(RecordsCase):
    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        rest = {name: value for name, value in headers.items() if name != "content-type"}
        media = headers.get("content-type", "application/octet-stream")
        reply = self.browser().generic(method, PREFIX + path, body, media, headers=rest)
        return reply.status_code, {name.lower(): value for name, value in reply.items()}

    def test_listed_origins_can_call_the_api(self):
        check_listed(self.ask)

    @with_podium(allow_credentials=True)
    def test_cookies_are_allowed_if_configured(self):
        check_with_credentials(self.ask)
