"""A node that speaks Cassandra's native protocol (version 4) and knows the statements of our store.

It is no database: it shows what the driver sends, and answers it as the protocol's and CQL's
documentation say. What holds of it may not hold of a real node.

Sources: https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec and
https://cassandra.apache.org/doc/latest/cassandra/developing/cql/dml.html
"""

from __future__ import annotations

import operator
import re
import socket
import socketserver
import struct
import threading
import uuid
from contextlib import suppress
from typing import Any

OPCODES = {
    0x01: "STARTUP",
    0x05: "OPTIONS",
    0x07: "QUERY",
    0x09: "PREPARE",
    0x0A: "EXECUTE",
    0x0B: "REGISTER",
    0x0F: "AUTH_RESPONSE",
}
ERROR, READY, AUTHENTICATE, SUPPORTED, RESULT, AUTH_SUCCESS = 0x00, 0x02, 0x03, 0x06, 0x08, 0x10
TYPES = {"text": 0x0D, "bigint": 0x02, "int": 0x09, "double": 0x07, "boolean": 0x04}
SYSTEM_TYPES = {"uuid": 0x0C, "inet": 0x10}
FORMATS = {"bigint": ">q", "int": ">i", "double": ">d", "boolean": ">?"}
COMPARED = {"=": operator.eq, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
UNSET = object()
HOST_ID = uuid.UUID(int=1)
# `a = ?` or `(a, b) >= (?, ?)`.
CONDITION = re.compile(r"\(?(\w+(?:, \w+)*)\)? (=|<|>=|<=) \(?(\?(?:, \?)*)\)?")


class Table:
    """The rows of a table, as CREATE TABLE defines it."""

    def __init__(self, definition: str) -> None:
        columns, key = definition.split(", PRIMARY KEY (", 1)
        self.types = dict(one.split(" ") for one in columns.split(", "))
        names = key.partition("))")[0]
        first = names.partition(")")[0] if names.startswith("(") else names.partition(",")[0]
        self.partition = re.findall(r"\w+", first)
        self.key = re.findall(r"\w+", names)
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}


class Statement:
    """A statement with the columns of its markers."""

    def __init__(self, text: str, tables: dict[str, Table]) -> None:
        self.text = text
        self.verb = text.split(" ", 1)[0]
        self.name = re.search(r"(?:FROM|INTO|UPDATE) ([\w.]+)", text)[1]  # type: ignore[index] # or fail
        self.table = tables.get(self.name)
        self.markers = [] if self.table is None else self._markers(self.table)

    def _markers(self, table: Table) -> list[tuple[str, str]]:
        if self.verb == "INSERT":
            names = re.search(r"\(([^)]*)\) VALUES", self.text)[1].split(", ")  # type: ignore[index] # as above
        else:
            names = [one for match in CONDITION.finditer(self.text) for one in match[1].split(", ")]
        limit = [("[limit]", "int")] if self.text.find("LIMIT ?") > 0 else []
        return [(name, table.types[name]) for name in names] + limit


class CassandraNode(socketserver.ThreadingTCPServer):
    """Listens at a free port of 127.0.0.1, and keeps every frame that it gets."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, password: str | None = None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.password = password
        self.tables: dict[str, Table] = {}
        self.statements: dict[bytes, Statement] = {}
        self.frames: list[tuple[str, bytes]] = []
        self.definitions: list[str] = []
        self.failures: dict[str, tuple[int, str]] = {}  # by a part of the statement
        self.refused: dict[str, tuple[int, str]] = {}  # by the id of a record
        self.connections: set[Any] = set()
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        return f"cassandra://127.0.0.1:{self.port}/podium?shards=2"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for one in list(self.connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def text_of(self, frame: tuple[str, bytes]) -> str:
        """The statement in a frame."""
        name, body = frame
        if name == "EXECUTE":
            (size,) = struct.unpack_from(">H", body)
            return self.statements[body[2 : 2 + size]].text
        return body[4:].decode("utf-8", "replace") if name in ("QUERY", "PREPARE") else ""

    def run(self, statement: Statement, values: list[Any]) -> bytes:
        """The result of a statement with these values of its markers."""
        table = statement.table
        assert table is not None
        bound = dict(zip((name for name, _ in statement.markers), values, strict=True))
        with self.lock:
            if statement.verb == "SELECT":
                return self._select(statement, values)
            if statement.verb == "INSERT":
                if not all(bound[name] != "" for name in table.partition):
                    raise _Refused(0x2200, "Key may not be empty")
                if statement.name == "podium_record" and bound["id"] in self.refused:
                    raise _Refused(*self.refused[bound["id"]])
                return self._insert(statement, table, bound)
            return self._change(statement, table, values)

    def _insert(self, statement: Statement, table: Table, bound: dict[str, Any]) -> bytes:
        key = tuple(bound[name] for name in table.key)
        is_conditional = statement.text.endswith("IF NOT EXISTS")
        if is_conditional and key in table.rows:
            return rows([("[applied]", "boolean")], [[False]])
        new = {name: value for name, value in bound.items() if value is not UNSET}
        table.rows[key] = table.rows.get(key, {}) | new
        return rows([("[applied]", "boolean")], [[True]]) if is_conditional else VOID

    def _change(self, statement: Statement, table: Table, values: list[Any]) -> bytes:
        """UPDATE and DELETE of one row, with a condition or without one."""
        before, _, rest = statement.text.partition(" WHERE ")
        where, _, condition = rest.partition(" IF ")
        n_set, n_where = before.count("?"), where.count("?")
        names = [name for name, _ in statement.markers]
        sets = dict(zip(names[:n_set], values, strict=False))
        wheres = dict(zip(names[n_set : n_set + n_where], values[n_set:], strict=False))
        key = tuple(wheres[name] for name in table.key)
        row = table.rows.get(key)
        if condition == "EXISTS":
            applies = row is not None
        else:
            applies = not condition or (row is not None and row.get(names[-1]) == values[-1])
        if applies and statement.verb == "DELETE":
            table.rows.pop(key, None)
        elif applies:
            table.rows[key] = (row or wheres) | sets
        return rows([("[applied]", "boolean")], [[applies]]) if condition else VOID

    def _select(self, statement: Statement, values: list[Any]) -> bytes:
        table, text = statement.table, statement.text
        assert table is not None
        names = text[len("SELECT ") : text.index(" FROM")].split(", ")
        rest = list(values)
        found = list(table.rows.values())
        for match in CONDITION.finditer(text):
            columns = match[1].split(", ")
            wanted, rest = tuple(rest[: len(columns)]), rest[len(columns) :]
            compare = COMPARED[match[2]]
            found = [
                row
                for row in found
                if None not in (some := tuple(row.get(name) for name in columns))
                and compare(some, wanted)
            ]
        if (order := re.search(r"ORDER BY (\w+) (ASC|DESC)", text)) is not None:
            found.sort(
                key=lambda row: [row[name] for name in table.key], reverse=order[2] == "DESC"
            )
        if "LIMIT ?" in text:
            found = found[: rest[0]]
        elif "LIMIT 1" in text:
            found = found[:1]
        columns_found = [(name, table.types[name]) for name in names]
        return rows(columns_found, [[row.get(name) for name in names] for row in found])

    def system(self, text: str) -> bytes:
        """What the driver asks about the cluster."""
        if "system.local" in text:
            return _local()
        if "system_schema.tables" in text and "table_name" in text:
            return rows([("table_name", "text")], [[name] for name in self.tables])
        if "system_schema.columns" in text and "column_name" in text:
            columns = self.tables["podium_record"].types
            return rows([("column_name", "text")], [[name] for name in columns])
        return rows([("key", "text")], [])

    def define(self, text: str) -> bytes:
        """CREATE TABLE and ALTER TABLE."""
        self.definitions.append(text)
        if (created := re.match(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*)", text)) is not None:
            self.tables.setdefault(created[1], Table(created[2]))
        elif (altered := re.match(r"ALTER TABLE (\w+) ADD (\w+) (\w+)", text)) is not None:
            self.tables[altered[1]].types[altered[2]] = altered[3]
        return VOID


class _Refused(Exception):
    pass


class _Connection(socketserver.StreamRequestHandler):
    server: CassandraNode

    def handle(self) -> None:
        self.server.connections.add(self.connection)
        try:
            while header := self.rfile.read(9):
                version, _, stream, opcode, length = struct.unpack(">BBhBi", header)
                body = self.rfile.read(length)
                kind, answer = self._answer(version, opcode, body)
                self.wfile.write(struct.pack(">BBhBi", 0x84, 0, stream, kind, len(answer)) + answer)
        except OSError:
            pass  # either side closed it

    def _answer(self, version: int, opcode: int, body: bytes) -> tuple[int, bytes]:
        node, name = self.server, OPCODES[opcode]
        if version != 4:
            return ERROR, _error(0x0A, "Invalid or unsupported protocol version; supported: 4")
        node.frames.append((name, body))
        try:
            text = node.text_of((name, body))
            refusals = [failure for part, failure in node.failures.items() if part in text]
            if refusals:
                return ERROR, _error(*refusals[0])
            return self._reply(name, body)
        except _Refused as refused:
            return ERROR, _error(*refused.args)

    def _reply(self, name: str, body: bytes) -> tuple[int, bytes]:
        node = self.server
        if name == "OPTIONS":
            options = _string("CQL_VERSION") + struct.pack(">H", 1) + _string("3.4.5")
            no_compression = _string("COMPRESSION") + struct.pack(">H", 0)
            return SUPPORTED, struct.pack(">H", 2) + options + no_compression
        if name == "STARTUP" and node.password is not None:
            return AUTHENTICATE, _string("org.apache.cassandra.auth.PasswordAuthenticator")
        if name == "AUTH_RESPONSE":
            if body[4:] != f"\0ada\0{node.password}".encode():
                return ERROR, _error(0x0100, "Provided username ada and/or password are incorrect")
            return AUTH_SUCCESS, struct.pack(">i", -1)
        if name in ("STARTUP", "REGISTER"):
            return READY, b""
        if name == "EXECUTE":
            (size,) = struct.unpack_from(">H", body)
            statement = node.statements[body[2 : 2 + size]]
            if statement.table is None:
                return RESULT, node.system(statement.text)
            return RESULT, node.run(statement, _values(body[2 + size :], statement))
        (size,) = struct.unpack_from(">i", body)
        text = body[4 : 4 + size].decode()
        if name == "PREPARE":
            return RESULT, self._prepared(text)
        if text.startswith("USE"):
            return RESULT, struct.pack(">i", 3) + _string("podium")
        is_definition = text.startswith(("CREATE", "ALTER"))
        return RESULT, node.define(text) if is_definition else node.system(text)

    def _prepared(self, text: str) -> bytes:
        node = self.server
        statement = Statement(text, node.tables)
        if statement.table is None and "system" not in statement.name:
            raise _Refused(0x2200, f"unconfigured table {statement.name}")
        id_ = uuid.uuid5(HOST_ID, text).bytes
        node.statements[id_] = statement
        markers = statement.markers or [("keyspace_name", "text")] * text.count("?")
        columns = b"".join(
            _string(column) + struct.pack(">H", TYPES[kind]) for column, kind in markers
        )
        metadata = (
            struct.pack(">iii", 1, len(markers), 0) + _string("podium") + _string("t") + columns
        )
        return struct.pack(">iH", 4, len(id_)) + id_ + metadata + struct.pack(">ii", 4, 0)


def _values(body: bytes, statement: Statement) -> list[Any]:
    """The values of an EXECUTE: consistency, flags (1: there are values), values."""
    _, flags, n_values = struct.unpack_from(">HBH", body)
    assert flags & 1
    at, values = 5, []
    for _, kind in statement.markers[:n_values]:
        (size,) = struct.unpack_from(">i", body, at)
        at += 4
        raw = body[at : at + max(size, 0)]
        at += max(size, 0)
        values.append({-1: None, -2: UNSET}[size] if size < 0 else _decoded(kind, raw))
    return values


def _decoded(kind: str, raw: bytes) -> Any:
    return raw.decode() if kind == "text" else struct.unpack(FORMATS[kind], raw)[0]


def _encoded(kind: str, value: Any) -> bytes:
    if value is None:
        return struct.pack(">i", -1)
    if kind == "uuid":
        raw = value.bytes
    elif kind == "inet":
        raw = bytes(map(int, value.split(".")))
    else:
        raw = value.encode() if kind == "text" else struct.pack(FORMATS[kind], value)
    return struct.pack(">i", len(raw)) + raw


def rows(columns: list[tuple[str, str]], found: list[list[Any]]) -> bytes:
    """A RESULT of the kind Rows."""
    types = TYPES | SYSTEM_TYPES
    names = b"".join(_string(name) + struct.pack(">H", types[kind]) for name, kind in columns)
    cells = b"".join(
        _encoded(kind, value)
        for row in found
        for (_, kind), value in zip(columns, row, strict=True)
    )
    head = struct.pack(">iii", 2, 1, len(columns)) + _string("podium") + _string("t")
    return head + names + struct.pack(">i", len(found)) + cells


VOID = struct.pack(">i", 1)


def _local() -> bytes:
    columns = {
        "key": ("text", "local"),
        "cluster_name": ("text", "scripted"),
        "data_center": ("text", "datacenter1"),
        "rack": ("text", "rack1"),
        "host_id": ("uuid", HOST_ID),
        "partitioner": ("text", "org.apache.cassandra.dht.Murmur3Partitioner"),
        "release_version": ("text", "4.1.0"),
        "schema_version": ("uuid", HOST_ID),
        "rpc_address": ("inet", "127.0.0.1"),
        "broadcast_address": ("inet", "127.0.0.1"),
        "listen_address": ("inet", "127.0.0.1"),
    }
    return rows(
        [(name, kind) for name, (kind, _) in columns.items()], [[v for _, v in columns.values()]]
    )


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()


def _error(code: int, message: str) -> bytes:
    return struct.pack(">i", code) + _string(message)
