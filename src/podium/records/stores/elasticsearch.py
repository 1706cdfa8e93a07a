"""Records in Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from urllib3 import Timeout

from podium.records.stores.search import SearchStore
from podium.records.stores.search_address import API_KEY, SearchAddress, address_of
from podium.records.stores.search_cluster import (
    CONNECT_S,
    CONNECTIONS,
    Answer,
    Cluster,
    Connection,
    Lost,
    Method,
    lost,
)

# A client announces the version of its own requests, and a server of the version before refuses it.
# Ours are the same in 8 and 9, so that every client works with both.
_JSON = "application/vnd.elasticsearch+json; compatible-with=8"
_LINES = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"
_OTHER_PRODUCT = "it isn't Elasticsearch 8 or 9; OpenSearch has a URL of its own, opensearch://"


class ElasticsearchStore(SearchStore):
    """A store in Elasticsearch 8 or 9.

    Args:
        url: such as `elasticsearch+https://user:password@host:9200/podium`. Without a user, an API key
            is read from the environment: `ELASTICSEARCH_API_KEY`.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(self, url: str) -> None:
        # Here and not above: it loads pyarrow, where that is installed, for a second.
        import elasticsearch

        super().__init__(_Cluster(address_of(url, api_key_in=API_KEY), elasticsearch))


class _Cluster(Cluster):
    def __init__(self, address: SearchAddress, library: ModuleType) -> None:
        super().__init__(address)
        self._library = library

    def connect(self) -> Connection:
        return _Connection(self.address, self._library)


class _Connection(Connection):
    def __init__(self, address: SearchAddress, library: Any) -> None:
        self._library = library
        options: dict[str, Any] = {}
        if address.api_key:
            options["api_key"] = address.api_key
        elif address.user:
            options["basic_auth"] = (address.user, address.password)
        if address.ca_certs:
            options["ca_certs"] = address.ca_certs
        if address.fingerprint:
            options["ssl_assert_fingerprint"] = address.fingerprint
        client = library.Elasticsearch(
            list(address.hosts),
            max_retries=0,
            connections_per_node=CONNECTIONS,
            meta_header=False,
            **options,
        )
        # The client hands it to urllib3 as it is: an address that doesn't respond is given up sooner.
        timeout = Timeout(connect=min(CONNECT_S, address.response_s), read=address.response_s)
        self._client = client.options(request_timeout=timeout, ignore_status=range(400, 600))

    def send(
        self,
        method: Method,
        path: str,
        params: Mapping[str, str],
        body: bytes | None,
        *,
        many: bool,
    ) -> Answer:
        headers = {"accept": _JSON}
        if body is not None:
            headers["content-type"] = _LINES if many else _JSON
        library = self._library
        try:
            answer = self._client.perform_request(
                method, path, params=params, headers=headers, body=body
            )
        except library.UnsupportedProductError as error:
            raise Lost(_OTHER_PRODUCT, was_sent=False) from error
        except library.ConnectionTimeout as error:
            raise Lost("it doesn't respond in time", was_sent=False) from error
        except library.SerializationError as error:
            raise Lost("it responds with something else than JSON", was_sent=False) from error
        except library.TransportError as error:
            raise lost(error.__cause__ or error) from error
        if answer.meta.status == 406:  # OpenSearch doesn't know these content types
            raise Lost(_OTHER_PRODUCT, was_sent=False)
        return Answer(answer.meta.status, answer.body)

    def close(self) -> None:
        self._client.close()
