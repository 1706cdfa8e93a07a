"""The statements of a CassandraStore, in CQL. Values are always bound, never written into them."""

from __future__ import annotations

from collections.abc import Sequence

from podium.records.columns import COLUMNS, FEEDBACK_NAMES, NAMES
from podium.records.store import Order

_TYPES = {str: "text", int: "bigint", float: "double", bytes: "text"}
_KEY = "day = ? AND shard = ? AND time_us = ? AND id = ?"

# Records of a day and a shard together, in the order of time and id. `revision` counts the changes
# of feedback: it is 0 or more, so that a condition on it holds for no record that isn't there.
RECORD_COLUMNS = {
    "day": "text",
    "shard": "int",
    **{column.name: _TYPES[column.type] for column in COLUMNS},
    "revision": "int",
}
TABLES = {
    "podium_record": (
        RECORD_COLUMNS,
        "PRIMARY KEY ((day, shard), time_us, id)) WITH CLUSTERING ORDER BY (time_us DESC, id DESC)",
    ),
    "podium_day": ({"part": "int", "day": "text", "mark": "text"}, "PRIMARY KEY (part, day))"),
    "podium_business_key": (
        {"business_key": "text", "time_us": "bigint", "id": "text"},
        "PRIMARY KEY (business_key, time_us, id))",
    ),
    "podium_odd_id": ({"id": "text", "time_us": "bigint"}, "PRIMARY KEY (id))"),
    "podium_setting": ({"name": "text", "number": "int"}, "PRIMARY KEY (name))"),
}

INSERT_RECORD = (
    f"INSERT INTO podium_record ({', '.join(RECORD_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(RECORD_COLUMNS))}) IF NOT EXISTS"
)
_RECORDS = f"SELECT {', '.join(NAMES)}, revision FROM podium_record WHERE"  # noqa: S608
GET_RECORD = f"{_RECORDS} {_KEY}"
SET_FEEDBACK = (
    f"UPDATE podium_record SET {', '.join(f'{name} = ?' for name in FEEDBACK_NAMES)}, revision = ? "  # noqa: S608
    f"WHERE {_KEY} IF revision = ?"
)
DELETE_RECORD = f"DELETE FROM podium_record WHERE {_KEY} IF EXISTS"  # noqa: S608
ANY_RECORD = "SELECT id FROM podium_record WHERE day = ? AND shard = ? LIMIT 1"

INSERT_DAY = "INSERT INTO podium_day (part, day, mark) VALUES (?, ?, ?) IF NOT EXISTS"
GET_DAY = "SELECT mark FROM podium_day WHERE part = ? AND day = ?"
MARK_DAY = "UPDATE podium_day SET mark = ? WHERE part = ? AND day = ? IF mark = ?"
DELETE_DAY = "DELETE FROM podium_day WHERE part = ? AND day = ? IF mark = ?"

INSERT_BUSINESS_KEY = "INSERT INTO podium_business_key (business_key, time_us, id) VALUES (?, ?, ?)"
FIND_BUSINESS_KEY = "SELECT time_us, id FROM podium_business_key WHERE business_key = ?"
DELETE_BUSINESS_KEY = (
    "DELETE FROM podium_business_key WHERE business_key = ? AND time_us = ? AND id = ?"
)
INSERT_ODD_ID = "INSERT INTO podium_odd_id (id, time_us) VALUES (?, ?)"
FIND_ODD_ID = "SELECT time_us FROM podium_odd_id WHERE id = ?"
DELETE_ODD_ID = "DELETE FROM podium_odd_id WHERE id = ?"

INSERT_SETTING = "INSERT INTO podium_setting (name, number) VALUES (?, ?) IF NOT EXISTS"
GET_SETTING = "SELECT number FROM podium_setting WHERE name = ?"

TABLE_NAMES = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"
COLUMN_NAMES = (
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?"
)


def create_table(name: str) -> str:
    """The statement that creates a table."""
    columns, key = TABLES[name]
    definitions = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    return f"CREATE TABLE IF NOT EXISTS {name} ({definitions}, {key}"


def add_column(name: str) -> str:
    """The statement that adds a column of records to a table of an older version."""
    return f"ALTER TABLE podium_record ADD {name} {RECORD_COLUMNS[name]}"


def list_days(order: Order) -> str:
    """The days of a range, in an order."""
    direction = "ASC" if order == "oldest" else "DESC"
    return (
        f"SELECT day FROM podium_day WHERE part = ? AND day >= ? AND day <= ? "  # noqa: S608
        f"ORDER BY day {direction}"
    )


def list_records(order: Order, conditions: Sequence[str] = ()) -> str:
    """The first records of a range of places in a partition.

    Args:
        conditions: such as `model = ?`, which Cassandra checks record by record.
    """
    direction = "ASC" if order == "oldest" else "DESC"
    wheres = ["day = ?", "shard = ?", "(time_us, id) >= (?, ?)", "(time_us, id) <= (?, ?)"]
    filtering = " ALLOW FILTERING" if conditions else ""
    return (
        f"{_RECORDS} {' AND '.join([*wheres, *conditions])} "
        f"ORDER BY time_us {direction}, id {direction} LIMIT ?{filtering}"
    )
