"""The accounts of our own server are away: public models go on, everything else says why not."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
MODEL = "/api/models/logistic-1"
PUBLISH = """
INSERT INTO auth_group_permissions (group_id, permission_id)
SELECT g.id, p.id FROM auth_group g, auth_permission p
WHERE g.name = 'The public' AND p.codename = 'predict_logistic-1'
"""


def within_a_minute(look: Callable[[], dict[str, Any]], **wanted: str) -> dict[str, Any]:
    for _ in range(1_200):
        said = look()
        if wanted.items() <= said.items():
            break
        time.sleep(0.05)
    return said


def test_public_models_go_on_and_the_file_is_named(tmp_path):
    accounts = tmp_path / "accounts" / "accounts.db"
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path)
    with server, Visitor(server.address) as ada:
        ada.set_up(server.log)
    with sqlite3.connect(accounts) as database:
        assert database.execute(PUBLISH).rowcount == 1
    database.close()

    with (
        ServerProcess(BUNDLE, "--accounts", home=tmp_path) as server,
        Visitor(server.address) as ada,
    ):
        ada.log_in()

        def ready() -> dict[str, Any]:
            answer = httpx.get(f"{server.address}/readyz")
            said: dict[str, Any] = answer.json()
            return said | {"code": str(answer.status_code)}

        def ask() -> int:
            rows = httpx.get(server.address + MODEL).json()["examples"][:1]
            return httpx.post(f"{server.address}{MODEL}/predict", json=rows).status_code

        before = ask(), ready()["status"]
        accounts.rename(tmp_path / "aside.db")
        gone = within_a_minute(ready, accounts="failing")
        during = ask(), httpx.get(f"{server.address}/models/logistic-1").status_code
        page = ada.get("/models/logistic-1")
        log = server.log.read_text()
        accounts.unlink(missing_ok=True)
        (tmp_path / "aside.db").rename(accounts)
        back = within_a_minute(ready, status="ready")

    assert before == (200, "ready")
    assert (gone["code"], gone["status"], gone["reason"]) == (
        "200",
        "degraded",
        "accounts.db is gone",
    )
    assert during == (200, 200)
    assert page.status_code == 503
    assert "accounts can&#39;t be read" in page.text
    assert "accounts_not_read: accounts.db is gone" in log
    assert back["status"] == "ready"
