"""What Couchbase's driver says on the wire, answered as the documentation of its protocols has it.

This isn't Couchbase: it was written from the documentation, beside the store, and knows what the store
needs. It shows that the driver accepts what the store asks of it, and what reaches the network.

Sources: the memcached binary protocol in docs/BinaryProtocol.md of kv_engine, RFC 5802 (SCRAM), and the
REST API of the query service.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import socket
import socketserver
import sqlite3
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from podium.records.columns import NAMES

USER, PASSWORD, BUCKET = "podium", "not a secret: %/@", "records"
COLLECTION_ID = 8
N_VBUCKETS = 64
_HEADER = struct.Struct(">BBHBBHIIQ")
_ALTERNATIVE = struct.Struct(">BBBBBBHIIQ")

# Statuses.
OK, ABSENT, EXISTS, TOO_BIG, DENIED, UNKNOWN, NO_COLLECTION, MULTI, NO_PATH = (
    *(0x00, 0x01, 0x02, 0x03, 0x24, 0x81, 0x88, 0xCC, 0xC0),
)
CONTINUE, AUTH_FAILED = 0x21, 0x20
# Features of HELLO: sequence numbers, xattr, extended errors, select bucket, JSON, other frames,
# durability, collections.
FEATURES = (0x04, 0x06, 0x07, 0x08, 0x0B, 0x10, 0x11, 0x12)


class CouchbaseWire:
    """A node with the services of data and queries, on ports of 127.0.0.1.

    Attributes:
        mechanisms: by which clients logged in.
        features: what they asked for in HELLO.
        frames: opcode and durability level of each write.
        queries: what was sent to the query service.
        before: called with the opcode before a command is executed; a status refuses it.
        refused: statuses by the keys of documents that can't be added.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.mechanisms: list[str] = []
        self.features: set[int] = set()
        self.frames: list[tuple[int, int | None]] = []
        self.queries: list[dict[str, Any]] = []
        self.before: Callable[[int], int | None] = lambda _: None
        self.refused: dict[str, int] = {}
        self.indexes: set[str] = set()
        self.collections: set[str] = set()
        self.refuses_ddl = self.refuses_catalog = False
        self.ports = (0, 0)
        self._lock = threading.RLock()
        self._cas = 1
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        columns = ", ".join(f"{name} AS (json_extract(body, '$.{name}'))" for name in NAMES)
        self._database.execute(
            f"CREATE TABLE document (key TEXT PRIMARY KEY, body TEXT, cas INTEGER, {columns})"
        )
        self._database.execute("CREATE INDEX by_time ON document (time_us, id)")
        self._servers: list[socketserver.BaseServer] = []
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        scheme = "couchbase" if self._tls is None else "couchbases"
        return f"{scheme}://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.ports[0]}/{BUCKET}"

    def start(self) -> None:
        """Listen, on the same ports as before, with the documents of before."""
        wire = self

        class Data(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire._connections.add(self.request)
                with suppress(OSError, EOFError):
                    _Conversation(wire, self.request).run()
                wire._connections.discard(self.request)

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        class Queries(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                wire._connections.add(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = wire.answer(json.loads(body), self.headers["Authorization"])
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        data = Listener(("127.0.0.1", self.ports[0]), Data)
        queries = ThreadingHTTPServer(("127.0.0.1", self.ports[1]), Queries)
        self.ports = (data.server_address[1], queries.server_address[1])
        if self._tls is not None:
            for one in (data, queries):
                one.socket = self._tls.wrap_socket(
                    one.socket, server_side=True, do_handshake_on_connect=False
                )
        self._servers = [data, queries]
        for one in self._servers:
            threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more, and end all connections."""
        for one in self._servers:
            one.shutdown()
            one.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._servers = []

    def configuration(self, bucket: str | None) -> bytes:
        """The nodes, and which of them has which part of a bucket."""
        data, queries = self.ports
        end = "" if self._tls is None else "SSL"
        services = {f"kv{end}": data, f"n1ql{end}": queries, f"mgmt{end}": queries}
        node = {"hostname": "127.0.0.1", "thisNode": True, "services": services}
        found: dict[str, Any] = {"rev": 1, "revEpoch": 1, "nodesExt": [node]}
        if bucket is not None:
            found |= {
                "name": bucket,
                "uuid": "00000000000000000000000000000001",
                "nodeLocator": "vbucket",
                "bucketCapabilities": ["collections", "durableWrite", "xattr", "nodesExt", "cccp"],
                "nodes": [{"hostname": f"127.0.0.1:{queries}", "ports": {"direct": data}}],
                "vBucketServerMap": {
                    "hashAlgorithm": "CRC",
                    "numReplicas": 0,
                    "serverList": [f"127.0.0.1:{data}"],
                    "vBucketMap": [[0]] * N_VBUCKETS,
                },
            }
        return json.dumps(found).encode()

    def get(self, key: str) -> tuple[dict[str, Any], int] | None:
        """A document and its CAS."""
        with self._lock:
            row = self._database.execute(
                "SELECT body, cas FROM document WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else (json.loads(row[0]), row[1])

    def put(self, key: str, document: bytes | None, *, is_new: bool = False, cas: int = 0) -> int:
        """Write or delete a document; returns the status."""
        with self._lock:
            found = self.get(key)
            if is_new and found is not None:
                return EXISTS
            if not is_new and found is None:
                return ABSENT
            if found is not None and cas not in (0, found[1]):
                return EXISTS
            if document is None:
                self._database.execute("DELETE FROM document WHERE key = ?", (key,))
                return OK
            self._cas += 1
            self._database.execute(
                "INSERT OR REPLACE INTO document (key, body, cas) VALUES (?, ?, ?)",
                (key, document.decode(), self._cas),
            )
        return OK

    def answer(self, query: dict[str, Any], authorization: str) -> tuple[int, dict[str, Any]]:
        """What the query service says: the HTTP status and the body."""
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, _failed(13014, "User does not have credentials to run SELECT queries")
        with self._lock:
            self.queries.append(query)
            return self._answer(query["statement"], query)

    def _answer(self, statement: str, query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.refuses_catalog and "system:" in statement:
            return 401, _failed(13014, "User does not have credentials to read the catalog")
        if "system:keyspaces" in statement:
            return 200, _rows(sorted(self.collections & {query["$collection"]}))
        if "system:indexes" in statement:
            return 200, _rows(sorted(self.indexes))
        if statement.startswith("CREATE "):
            name = statement.split("`")[5 if "COLLECTION" in statement else 1]
            names = self.collections if "COLLECTION" in statement else self.indexes
            if self.refuses_ddl:
                return 401, _failed(13014, "User does not have credentials to run index operations")
            if name in names:
                return 409, _failed(4300, f"The index {name} already exists.")
            names.add(name)
            return 200, _rows([])
        values = {name[1:]: json.dumps(value) for name, value in query.items() if name[:1] == "$"}
        plain = {
            name: value if isinstance(json.loads(value), list) else json.loads(value)
            for name, value in values.items()
        }
        with self._lock:
            found = self._database.execute(_in_sqlite(statement), plain).fetchall()
        return 200, _rows([json.loads(body) for (body,) in found])


def _in_sqlite(statement: str) -> str:
    """A SELECT of the store in SQLite's words."""
    for pattern, words in (
        (r"SELECT RAW r FROM \S+ AS r", "SELECT r.body FROM document AS r"),
        (r"\bIS VALUED", "IS NOT NULL"),
        (r"\bIS NOT VALUED", "IS NULL"),
        (r"\bIN \$(\w+)", r"IN (SELECT value FROM json_each(:\1))"),
        (r"\$(\w+)", r":\1"),
    ):
        statement = re.sub(pattern, words, statement)
    return statement


def _rows(rows: list[Any]) -> dict[str, Any]:
    return {"requestID": "1", "results": rows, "status": "success", "metrics": _metrics(len(rows))}


def _failed(code: int, message: str) -> dict[str, Any]:
    errors = [{"code": code, "msg": message}]
    return {"requestID": "1", "errors": errors, "status": "fatal", "metrics": _metrics(0)}


def _metrics(n_rows: int) -> dict[str, Any]:
    """Without them, the driver ends the process."""
    return {
        "elapsedTime": "1ms",
        "executionTime": "1ms",
        "resultCount": n_rows,
        "resultSize": n_rows,
    }


class _Conversation:
    """A connection to the data service."""

    def __init__(self, wire: CouchbaseWire, connection: socket.socket) -> None:
        self._wire = wire
        self._connection = connection
        self._bucket: str | None = None
        self._scram: _Scram | None = None

    def run(self) -> None:
        while True:
            head = self._read(_HEADER.size)
            if head[0] == 0x08:
                _, code, n_frames, n_key, n_extras, _, _, n_body, opaque, cas = _ALTERNATIVE.unpack(
                    head
                )
            else:
                _, code, n_key, n_extras, _, _, n_body, opaque, cas = _HEADER.unpack(head)
                n_frames = 0
            body = self._read(n_body)
            frames, body = body[:n_frames], body[n_frames:]
            extras, key, value = (
                body[:n_extras],
                body[n_extras : n_extras + n_key],
                body[n_extras + n_key :],
            )
            status, extras, value, cas = self._execute(code, extras, key, value, cas, frames)
            size = len(extras) + len(value)
            head = _HEADER.pack(0x81, code, 0, len(extras), 0, status, size, opaque, cas)
            self._connection.sendall(head + extras + value)

    def _read(self, n_bytes: int) -> bytes:
        found = b""
        while len(found) < n_bytes:
            piece = self._connection.recv(n_bytes - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found

    def _execute(  # noqa: C901 - one case for each command
        self, code: int, extras: bytes, key: bytes, value: bytes, cas: int, frames: bytes
    ) -> tuple[int, bytes, bytes, int]:
        wire = self._wire
        refused = wire.before(code)
        if refused is not None:
            return refused, b"", b"", 0
        if code == 0x1F:  # HELLO
            asked = struct.unpack(f">{len(value) // 2}H", value)
            wire.features |= set(asked)
            given = [one for one in asked if one in FEATURES]
            return OK, b"", struct.pack(f">{len(given)}H", *given), 0
        if code == 0x20:  # SASL list
            return OK, b"", b"SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN", 0
        if code == 0x21:  # SASL auth
            wire.mechanisms.append(key.decode())
            return *self._authenticated(key.decode(), value), 0
        if code == 0x22:  # SASL step
            assert self._scram is not None
            status, answer = self._scram.last(value)
            return status, b"", answer, 0
        if code == 0xFE:  # the map of errors
            return OK, b"", b'{"version": 2, "revision": 1, "errors": {}}', 0
        if code == 0x89:  # select bucket
            if key.decode() != BUCKET:
                return DENIED, b"", b"", 0
            self._bucket = key.decode()
            return OK, b"", b"", 0
        if code == 0xB5:
            return OK, b"", wire.configuration(self._bucket), 0
        if code == 0xBB:  # the id of a collection
            name = (value or key).decode().partition(".")[2]
            if name not in wire.collections:
                return NO_COLLECTION, b"", b"", 0
            return OK, struct.pack(">QI", 1, COLLECTION_ID), b"", 0
        if code == 0x0A:
            return OK, b"", b"", 0
        return self._changed(code, key, value, cas, frames)

    def _authenticated(self, mechanism: str, value: bytes) -> tuple[int, bytes, bytes]:
        if mechanism == "PLAIN":
            is_right = value == f"\0{USER}\0{PASSWORD}".encode()
            return (OK if is_right else AUTH_FAILED), b"", b""
        self._scram = _Scram(mechanism.removeprefix("SCRAM-").lower())
        return CONTINUE, b"", self._scram.first(value)

    def _changed(
        self, code: int, key: bytes, value: bytes, cas: int, frames: bytes
    ) -> tuple[int, bytes, bytes, int]:
        """Documents are read and written."""
        wire = self._wire
        n_prefix = next(place for place, byte in enumerate(key) if byte < 0x80) + 1
        assert key[:n_prefix] == bytes([COLLECTION_ID])
        name = key[n_prefix:].decode()
        if code in (0x02, 0x04, 0xD1):
            level = frames[1] if frames[:1] and frames[0] >> 4 == 1 else None
            wire.frames.append((code, level))
        if code == 0x00:  # get
            found = wire.get(name)
            if found is None:
                return ABSENT, b"", b"", 0
            flags = struct.pack(">I", 0x02000006)  # JSON
            return OK, flags, json.dumps(found[0]).encode(), found[1]
        token = struct.pack(">QQ", 1, 1)
        if code == 0x02 and name in wire.refused:
            return wire.refused[name], b"", b"", 0
        if code == 0x02:  # add
            return wire.put(name, value, is_new=True), token, b"", 1
        if code == 0x04:  # delete
            return wire.put(name, None, cas=cas), token, b"", 1
        if code == 0xD0:
            return self._looked_up(name, value)
        if code == 0xD1:
            return self._mutated(name, value, cas), token, b"", 1
        return UNKNOWN, b"", b"", 0

    def _looked_up(self, name: str, value: bytes) -> tuple[int, bytes, bytes, int]:
        found = self._wire.get(name)
        if found is None:
            return ABSENT, b"", b"", 0
        document, cas = found
        answer, is_whole = b"", True
        while value:
            n_path = struct.unpack(">H", value[2:4])[0]
            path, value = value[4 : 4 + n_path].decode(), value[4 + n_path :]
            text = json.dumps(document[path]).encode() if path in document else b""
            is_whole &= path in document
            answer += struct.pack(">HI", OK if path in document else NO_PATH, len(text)) + text
        return (OK if is_whole else MULTI), b"", answer, cas

    def _mutated(self, name: str, value: bytes, cas: int) -> int:
        with self._wire._lock:
            found = self._wire.get(name)
            if found is None:
                return ABSENT
            document = found[0]
            while value:
                code, _, n_path, n_value = struct.unpack(">BBHI", value[:8])
                assert code == 0xC8  # upsert of a member
                path = value[8 : 8 + n_path].decode()
                document[path] = json.loads(value[8 + n_path : 8 + n_path + n_value])
                value = value[8 + n_path + n_value :]
            return self._wire.put(name, json.dumps(document).encode(), cas=cas)


class _Scram:
    """The server's side of SCRAM."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._salt, self._rounds = secrets.token_bytes(16), 1_000
        self._before = ""

    def first(self, message: bytes) -> bytes:
        bare = message.decode().partition(",,")[2]
        nonce = bare.partition("r=")[2] + secrets.token_hex(8)
        salt = base64.b64encode(self._salt).decode()
        answer = f"r={nonce},s={salt},i={self._rounds}"
        self._before = f"{bare},{answer}"
        return answer.encode()

    def last(self, message: bytes) -> tuple[int, bytes]:
        without, _, proof = message.decode().partition(",p=")
        signed = f"{self._before},{without}".encode()
        salted = hashlib.pbkdf2_hmac(self._algorithm, PASSWORD.encode(), self._salt, self._rounds)
        client = self._hmac(salted, b"Client Key")
        stored = hashlib.new(self._algorithm, client).digest()
        signature = self._hmac(stored, signed)
        expected = bytes(a ^ b for a, b in zip(client, signature, strict=True))
        if not hmac.compare_digest(expected, base64.b64decode(proof)):
            return AUTH_FAILED, b""
        server = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return OK, b"v=" + base64.b64encode(server)

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._algorithm).digest()
