"""The database servers that a new project may store its predictions in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A server for records. Its name is that of the extra with its driver.

    Attributes:
        about: what it is, in a few words.
        address: the URL for the setting `store`, with places for a password and a host.
        holds_accounts: whether users may be stored there too, and a Django project's own tables.
        is_service: whether compose.yaml starts one; otherwise it runs elsewhere, and a password in its
            address is its owner's.
        own_secrets: variables with secrets that only its owner has, and their purposes.
    """

    about: str
    address: str
    holds_accounts: bool = False
    is_service: bool = True
    own_secrets: tuple[tuple[str, str], ...] = ()

    @property
    def has_password(self) -> bool:
        """Whether its address has one."""
        return "{password}" in self.address

    def address_of(self, password: str, host: str) -> str:
        """The URL for the setting `store`."""
        return self.address.format(password=password, host=host)


SERVERS: Mapping[str, DatabaseServer] = MappingProxyType(
    {
        "postgresql": DatabaseServer(
            "a database server, for several machines",
            "postgresql://podium:{password}@{host}:5432/podium",
            holds_accounts=True,
        ),
        "mysql": DatabaseServer(
            "MySQL or MariaDB, likewise",
            "mysql://podium:{password}@{host}:3306/podium",
            holds_accounts=True,
        ),
        "sqlserver": DatabaseServer(
            "an SQL Server that you have",
            "mssql://podium:{password}@{host}:1433/podium",
            is_service=False,
        ),
        "mongodb": DatabaseServer(
            "MongoDB", "mongodb://podium:{password}@{host}:27017/podium?authSource=admin"
        ),
        "redis": DatabaseServer("Redis or Valkey", "redis://:{password}@{host}:6379/0"),
        "elasticsearch": DatabaseServer(
            "Elasticsearch, which also searches their texts",
            "elasticsearch://elastic:{password}@{host}:9200",
        ),
        "opensearch": DatabaseServer("OpenSearch, likewise", "opensearch://{host}:9200"),
        "cassandra": DatabaseServer(
            "Cassandra or ScyllaDB", "cassandra://{host}:9042/podium?dc=datacenter1"
        ),
        "couchbase": DatabaseServer("Couchbase", "couchbase://podium:{password}@{host}/podium"),
        "dynamodb": DatabaseServer(
            "Amazon's DynamoDB",
            "dynamodb://podium?region=eu-central-1",
            is_service=False,
            own_secrets=(
                ("AWS_ACCESS_KEY_ID", "of a user who may read and write the table `podium`"),
                ("AWS_SECRET_ACCESS_KEY", "of the same user"),
            ),
        ),
    }
)
