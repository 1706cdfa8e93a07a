"""What pages of other sites may ask: requests, and what must come of each, in every host."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from exchanges import GOOD

LISTED, OTHER = "https://shop.example", "https://evil.example"
API, FORM = "/api/models/loans/predict", "/models/loans"
BODY = json.dumps(GOOD).encode()
# Method, path, headers, body: status and headers in lower case.
Ask: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str]]]


def post(ask: Ask, path: str = API, **headers: str) -> tuple[int, Mapping[str, str]]:
    media = "application/json" if path == API else "application/x-www-form-urlencoded"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask("POST", path, {"content-type": media, **sent}, BODY if path == API else b"age=1")


def check_listed(ask: Ask) -> None:
    """`allowed_origins` names LISTED, and nothing is said of credentials."""
    status, headers = post(ask, origin=LISTED, sec_fetch_site="cross-site")
    assert status == 200, (status, headers)
    assert headers["access-control-allow-origin"] == LISTED
    assert "access-control-allow-credentials" not in headers
    assert "ratelimit-limit" in headers["access-control-expose-headers"]

    wanted = {"origin": LISTED, "access-control-request-method": "POST"}
    status, headers = ask("OPTIONS", API, wanted, b"")
    assert status == 204
    assert headers["access-control-allow-origin"] == LISTED
    assert "POST" in headers["access-control-allow-methods"]
    assert "authorization" in headers["access-control-allow-headers"]

    # A page may read what is wrong, too.
    status, headers = ask("GET", "/api/models/nothing", {"origin": LISTED}, b"")
    assert status in (401, 404)
    assert headers["access-control-allow-origin"] == LISTED

    for attack in (
        {"origin": OTHER},
        {"origin": f"{LISTED}.evil.example"},
        {"origin": "null"},
        {"origin": "http://shop.example"},
        {"sec_fetch_site": "cross-site"},
        {"origin": LISTED, "cookie": "session=x"},
    ):
        status, headers = post(ask, **({"sec_fetch_site": "cross-site"} | attack))
        assert status == 403, attack
    for path in (FORM, FORM + API, "/models/predict"):
        status, headers = post(ask, path, origin=LISTED, sec_fetch_site="cross-site")
        assert status in (403, 404), path
        assert "access-control-allow-origin" not in headers
    status, headers = ask("OPTIONS", API, wanted | {"origin": OTHER}, b"")
    assert "access-control-allow-origin" not in headers


def check_with_credentials(ask: Ask) -> None:
    """Besides, `allow_credentials` is said."""
    status, headers = post(ask, origin=LISTED, sec_fetch_site="cross-site", cookie="session=x")
    assert status == 200
    assert headers["access-control-allow-credentials"] == "true"
    assert post(ask, origin=OTHER, cookie="session=x")[0] == 403
    assert post(ask, FORM, origin=LISTED, cookie="session=x")[0] == 403
