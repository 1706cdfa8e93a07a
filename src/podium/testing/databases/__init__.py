"""Real database servers for tests: private ones, on free ports, removed after the test."""

from podium.testing.databases.dynamodb import DynaliteServer, MotoServer
from podium.testing.databases.mongodb import MongoServer
from podium.testing.databases.mssql import TdsServer
from podium.testing.databases.redis import ValkeyServer
from podium.testing.databases.search import NoidaServer, OsmemServer
from podium.testing.databases.server import DatabaseServer, NoServer
from podium.testing.databases.sql import MariaServer, PostgresServer, SqlServer

__all__ = [
    "DatabaseServer",
    "DynaliteServer",
    "MariaServer",
    "MongoServer",
    "MotoServer",
    "NoServer",
    "NoidaServer",
    "OsmemServer",
    "PostgresServer",
    "SqlServer",
    "TdsServer",
    "ValkeyServer",
]
