"""Records in OpenSearch."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import opensearchpy
from urllib3 import Timeout

from podium.records.stores.search import SearchStore
from podium.records.stores.search_address import SearchAddress, address_of
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


class OpensearchStore(SearchStore):
    """A store in OpenSearch 2 or 3.

    Args:
        url: such as `opensearch+https://user:password@host:9200/podium`.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(self, url: str) -> None:
        super().__init__(_Cluster(address_of(url)))


class _Cluster(Cluster):
    def connect(self) -> Connection:
        return _Connection(self.address)


class _QuietConnection(opensearchpy.Urllib3HttpConnection):
    """Failures are raised, and whoever catches them decides what the log says."""

    def log_request_fail(self, *_: Any, **__: Any) -> None:
        """Nothing: a record that isn't there would be a warning."""


class _Connection(Connection):
    def __init__(self, address: SearchAddress) -> None:
        options: dict[str, Any] = {}
        if address.user:
            options["http_auth"] = (address.user, address.password)
        if address.ca_certs:
            options["ca_certs"] = address.ca_certs
        if address.fingerprint:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            options |= {"ssl_context": context, "ssl_assert_fingerprint": address.fingerprint}
        self._client = opensearchpy.OpenSearch(
            list(address.hosts),
            max_retries=0,
            connection_class=_QuietConnection,
            pool_maxsize=CONNECTIONS,
            # The client hands it to urllib3 as it is: an address that doesn't respond is given up sooner.
            timeout=Timeout(connect=min(CONNECT_S, address.response_s), read=address.response_s),
            **options,
        )

    def send(
        self,
        method: Method,
        path: str,
        params: Mapping[str, str],
        body: bytes | None,
        *,
        many: bool,
    ) -> Answer:
        kind = "application/x-ndjson" if many else "application/json"
        try:
            found = self._client.transport.perform_request(
                method,
                path,
                params=dict(params),
                body=body,
                headers={"content-type": kind},
            )
        except opensearchpy.ConnectionTimeout as error:
            raise Lost("it doesn't respond in time", was_sent=False) from error
        except opensearchpy.SerializationError as error:
            raise Lost("it responds with something else than JSON", was_sent=False) from error
        except opensearchpy.ConnectionError as error:
            raise lost(error.info) from error
        except opensearchpy.TransportError as error:
            return Answer(int(error.status_code), error.info)
        return Answer(200, found)

    def close(self) -> None:
        self._client.close()
