"""Why relational databases fail: the exceptions of their own drivers, as causes."""

from __future__ import annotations

import mssql_python
import psycopg
import pymysql
import pytest
from mssql_python.exceptions import raise_exception
from sqlalchemy.exc import DBAPIError, OperationalError

from podium.records.stores.causes import BUSY, FULL, READ_ONLY, REFUSED, UNREACHABLE, Cause
from podium.records.stores.sql_errors import failure_of

SERVER = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
FULL_TABLE = (
    "Could not allocate space for object 'dbo.podium_record'.'pk' in database 'podium' because the "
    "'PRIMARY' filegroup is full due to lack of storage space or database files reaching the maximum"
)
SECONDARY = (
    "The target database ('podium') is in an availability group and is currently accessible for "
    "connections when the application intent is set to read only."
)
# SQLSTATE and text: "Database engine events and errors", and "Resource limits" of Azure SQL Database.
SQL_SERVER = [
    ("42000", FULL_TABLE, FULL),
    ("42000", "The transaction log for database 'podium' is full due to 'LOG_BACKUP'.", FULL),
    ("HY000", "The database 'podium' has reached its size quota. Partition or delete data", FULL),
    ("42000", 'Failed to update database "podium" because the database is read-only.', READ_ONLY),
    ("42000", SECONDARY, READ_ONLY),
    (
        "42000",
        "Resource ID: 1. The request limit for the database is 90 and has been reached.",
        BUSY,
    ),
    (
        "42000",
        "Resource ID: 2. The session limit for the database is 300 and has been reached.",
        BUSY,
    ),
    ("42000", "Cannot process request. Not enough resources to process request.", BUSY),
    ("42000", "There is insufficient system memory in resource pool 'default' to run this.", BUSY),
    ("42000", "A timeout occurred while waiting for memory resources to execute the query", BUSY),
    ("HYT00", "Query timeout expired", BUSY),
    ("28000", "Login failed for user 'ada'.", REFUSED),
    ("42000", 'Cannot open database "podium" requested by the login. The login failed.', REFUSED),
    ("42000", "CREATE TABLE permission denied in database 'podium'.", REFUSED),
    (
        "42000",
        "The INSERT permission was denied on the object 'podium_record', database 'podium'",
        REFUSED,
    ),
    (
        "08004",
        'The server principal "ada" is not able to access the database "podium"',
        REFUSED,
    ),
    (
        "HY000",
        "Database 'podium' on server 'db' is not currently available. Please retry later.",
        UNREACHABLE,
    ),
    ("08S01", "Communication link failure", UNREACHABLE),
    ("HYT00", "Login timeout expired", UNREACHABLE),
    # A record may be to blame.
    ("22001", "String or binary data would be truncated in table 'podium.dbo.podium_record'", None),
    ("42000", "Incorrect syntax near 'SELEC'.", None),
    ("23000", "Violation of PRIMARY KEY constraint 'pk'. Cannot insert duplicate key", None),
]


@pytest.mark.parametrize(("state", "said", "cause"), SQL_SERVER)
def test_what_sql_server_says_has_a_cause(state: str, said: str, cause: Cause | None) -> None:
    with pytest.raises(mssql_python.Error) as raised:
        raise_exception(state, SERVER + said)

    check(raised.value, mssql_python.Error, cause, said)


# SQLSTATEs of PostgreSQL's Appendix A.
POSTGRESQL = [
    ("53100", FULL),
    ("25006", READ_ONLY),
    ("53300", BUSY),
    ("53200", BUSY),
    ("57014", BUSY),
    ("28P01", REFUSED),
    ("42501", REFUSED),
    ("57P03", UNREACHABLE),
    ("08006", UNREACHABLE),
    ("22021", None),
    ("42P01", None),
    ("23505", None),
]


@pytest.mark.parametrize(("state", "cause"), POSTGRESQL)
def test_what_postgresql_says_has_a_cause(state: str, cause: Cause | None) -> None:
    check(psycopg.errors.lookup(state)("it says so"), psycopg.Error, cause, "it says so")


# Numbers of MySQL's "Server Error Message Reference", which MariaDB shares, raised as PyMySQL does.
MYSQL = [
    (1021, "Disk full (/tmp); waiting for someone to free some space...", FULL),
    (1114, "The table 'podium_record' is full", FULL),
    (3, "Error writing file 'binlog' (errno: 28 \"No space left\"), Got error 28 from", FULL),
    (1290, "The MariaDB server is running with the --read-only option", READ_ONLY),
    (1836, "Running in read-only mode", READ_ONLY),
    (1040, "Too many connections", BUSY),
    (1226, "User 'ada' has exceeded the 'max_user_connections' resource", BUSY),
    (1969, "Query execution was interrupted (max_statement_time exceeded)", BUSY),
    (1045, "Access denied for user 'ada'@'localhost' (using password: YES)", REFUSED),
    (1142, "INSERT command denied to user 'ada'@'localhost'", REFUSED),
    (2013, "Lost connection to MySQL server during query", UNREACHABLE),
    (1406, "Data too long for column 'model' at row 1", None),
    (1146, "Table 'records.podium_record' doesn't exist", None),
]


@pytest.mark.parametrize(("number", "said", "cause"), MYSQL)
def test_what_mysql_says_has_a_cause(number: int, said: str, cause: Cause | None) -> None:
    kind = pymysql.err.error_map.get(number, pymysql.err.OperationalError)

    check(kind(number, said), pymysql.err.Error, cause, str(number))


def check(raised: Exception, base: type[Exception], cause: Cause | None, said: str) -> None:
    """That an exception of a driver, as SQLAlchemy wraps it, has this cause and says nothing else."""
    wrapped = DBAPIError.instance("INSERT hush", {"inputs": "hush"}, raised, base)
    assert isinstance(wrapped, DBAPIError)

    error = failure_of("db://ada:***@db/podium", wrapped)

    assert error.reason == (cause.reason if cause else "")
    assert error.hint == (cause.hint if cause else "")
    assert error.message.startswith("db://ada:***@db/podium: ")
    assert said in error.message
    assert "hush" not in error.message


def test_a_connection_that_was_lost_is_a_database_that_is_away() -> None:
    lost = pymysql.err.InterfaceError(0, "")
    wrapped = OperationalError("INSERT", {}, lost, connection_invalidated=True)

    assert failure_of("db", wrapped).reason == UNREACHABLE.reason
