"""Addresses of Elasticsearch and OpenSearch."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.errors import SetupError
from podium.records.open import open_store, without_password
from podium.records.stores.search_address import API_KEY, address_of


def test_the_parts_of_an_address() -> None:
    url = "elasticsearch+https://ada:s%40cr%2Fet@es1.example.com,[::1]:9201/ml.prod?timeout=2.5"
    found = address_of(f"{url}&shards=3&replicas=0")

    assert found.hosts == ("https://es1.example.com:9200", "https://[::1]:9201")
    assert (found.user, found.password, found.prefix) == ("ada", "s@cr/et", "ml.prod")
    assert (found.response_s, found.n_shards, found.n_replicas) == (2.5, 3, 0)
    assert found.shown == "elasticsearch+https://es1.example.com:9200,[::1]:9201/ml.prod"


def test_an_address_without_options_has_the_usual_ones() -> None:
    found = address_of("opensearch://localhost")

    assert (found.hosts, found.prefix) == (("http://localhost:9200",), "podium")
    assert (found.n_shards, found.n_replicas, found.is_encrypted) == (None, None, False)


def test_the_key_of_an_api_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY, "c2VjcmV0")

    assert address_of("elasticsearch://es", api_key_in=API_KEY).api_key == "c2VjcmV0"
    assert address_of("elasticsearch://ada:pw@es", api_key_in=API_KEY).api_key == ""
    assert address_of("opensearch://es").api_key == ""


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("://", "no valid host"),
        ("://:9200", "no valid host"),
        ("://es:port", "no valid host"),
        ("://es:70000", "no valid host"),
        ("://es,,es2", "no valid host"),
        ("+ssh://es", "the URL of the store is invalid"),
        ("://es/Upper", "can't begin with 'Upper'"),
        ("://es/a-records-b", "can't begin with"),
        ("://es/a*", "can't begin with"),
        ("://es/_all", "can't begin with"),
        ("://es?sniff=1", "no option 'sniff'"),
        ("://es?timeout=0", "timeout isn't a number from 0.1 to 600"),
        ("://es?timeout=nan", "timeout isn't a number"),
        ("://es?shards=1.5", "shards isn't a whole number"),
        ("://es?replicas=-1", "replicas isn't a number from 0 to 16"),
        ("+https://es?ca_certs=/no/such.pem", "there is no file '/no/such.pem'"),
        ("+https://es?fingerprint=abc", "isn't the SHA-256 of a certificate"),
        (f"://es?fingerprint={'ab' * 32}", "for connections with TLS only"),
    ],
)
@pytest.mark.parametrize("scheme", ["elasticsearch", "opensearch"])
def test_an_invalid_address_says_what_is_wrong_and_no_password(
    scheme: str, rest: str, said: str
) -> None:
    url = f"{scheme}{rest}".replace("://", "://ada:hush@", 1)

    with pytest.raises(SetupError, match=said) as raised:
        open_store(url)

    assert "hush" not in str(raised.value)
    assert f"{scheme}+https://user:password@host:9200/podium" in raised.value.hint


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    from podium.errors import StoreError

    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    for scheme in ("elasticsearch", "opensearch"):
        store = open_store(f"{scheme}+https://127.0.0.1:1/podium?ca_certs={path}")
        with pytest.raises(StoreError, match=scheme):
            store.get("0" * 32)
        store.close()


def test_a_password_is_never_shown() -> None:
    url = "elasticsearch+https://ada:hush@es1:9200,es2:9200/podium?timeout=3"

    assert "hush" not in without_password(url)
    assert "hush" not in repr(address_of(url))
