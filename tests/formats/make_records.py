"""Makes the next folder records-N that is kept here: python tests/formats/make_records.py

A folder holds the databases and the outbox that one version wrote, and is never written again: each
later version must open them. Where a database server is meant, its tables and rows are kept as SQL.

- records-1: without request ids, roles and digests.
- records-2: with them.
- records-3: with business keys, and what feedback said before.
- records-4: segments of an outbox in frames, no longer in SQLite's files.
- records-5: a block of rows in an outbox, whose records are in blocks.json.
- records-6: the same with distances to clusters.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import MetaData, create_mock_engine, insert
from sqlalchemy.dialects import mysql, postgresql

from podium.outbox.outbox import Outbox
from podium.outbox.refused import store_refused
from podium.outbox.segment_reader import open_segment
from podium.records.columns import NAMES
from podium.records.history import succeeding
from podium.records.record import Record
from podium.records.stores.rows import row_of
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_tables import record_table
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import feedback, sample, sample_block

HERE = Path(__file__).parent
FOLDER = HERE / f"records-{len(list(HERE.glob('records-*'))) + 1}"
HOSTS = Path(__file__).parent.parent / "hosts"
RECORDS = (
    sample(1),
    sample(2, actor="ada", owner="user:7", outcome="1.5", outcome_number=1.5, source="form"),
    sample(
        3,
        inputs=msgspec.json.encode({"name": "Zoë 🐧"}),
        feedback=succeeding(feedback("Adelie", actor="ada"), feedback("Gentoo", note="n")),
    ),
    sample(
        4,
        actor="ada",
        request_id=sample(3).id,
        row_index=1,
        role="shadow",
        bundle_digest="ab" * 32,
        attributes=b'{"a":1}',
        business_key="order é",
    ),
)


BLOCK = sample_block(50, 3, actor="ada", owner="user:7", business_key="order é")


def main() -> None:
    FOLDER.mkdir()
    write(FOLDER / "records.json", RECORDS)
    write(FOLDER / "blocks.json", BLOCK.records())
    sqlite()
    outbox()
    through_sqlalchemy()
    for dialect in ("postgresql", "mariadb"):
        server(dialect)
    django()


def write(path: Path, records: Sequence[Record]) -> None:
    """What records say, in JSON."""
    said = [msgspec.to_builtins(msgspec.structs.asdict(one)) for one in records]
    for one, record in zip(said, records, strict=True):
        one |= {"inputs": record.inputs.decode(), "outputs": record.outputs.decode()}
        if record.attributes is not None:
            one["attributes"] = record.attributes.decode()
        if record.feedback is not None:
            values = msgspec.structs.asdict(record.feedback)
            texts = {k: raw.decode() for k, raw in values.items() if isinstance(raw, bytes)}
            one["feedback"] = values | texts
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def sqlite() -> None:
    store = SqliteStore(FOLDER / "sqlite.db")
    store.insert(RECORDS)
    store.close()


def outbox() -> None:
    """Three batches, of which the first is in a store, as a worker leaves them that was killed."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "outbox"
        folder.mkdir(parents=True)
        box = Outbox(folder)
        box.append(RECORDS[:1])
        box.append([record for record in RECORDS[1:] if record.feedback is None])
        box.append([BLOCK])
        (segment,) = box.folder.glob("*.db")
        reader = open_segment(segment)
        reader.advance(list(reader.batches(1)))
        reader.close()
        store_refused(folder, [RECORDS[0]], {RECORDS[0].id: "a column is too short"})
        with tarfile.open(FOLDER / "outbox.tar.gz", "w:gz") as tar:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.name.endswith("-shm"):
                    tar.add(path, path.relative_to(home))
        box.close()


def through_sqlalchemy() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.db"
        store = SqlStore(f"sqlite+pysqlite:///{file}")
        store.insert(RECORDS)
        store.close()
        dump(file, "sqlalchemy.sql")


def server(name: str) -> None:
    """What SqlStore has a server of this kind run."""
    lines: list[str] = []
    dialect: Any = {"postgresql": postgresql, "mariadb": mysql}[name].dialect()

    def note(statement: Any, *_: Any, **__: Any) -> None:
        lines.append(str(statement.compile(dialect=dialect)).strip().replace("\t", "    "))

    table = record_table(MetaData())
    driver = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}[name]
    table.create(create_mock_engine(f"{driver}://", note), checkfirst=False)
    for record in RECORDS:
        cells = dict(zip(NAMES, row_of(record), strict=True))
        row = insert(table).values(cells | {"outcome_start": record.outcome[:64]})
        literal = row.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        lines.append(str(literal))
    (FOLDER / f"{name}.sql").write_text(";\n".join(lines) + ";\n")


def django() -> None:
    sys.path.insert(0, str(HOSTS))
    from django_server import Project, packed_loans

    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), packed_loans(Path(folder)))
        done = project.manage("migrate", "--database", "predictions")
        assert done.returncode == 0, done.stderr
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
            "from make_records import RECORDS; from podium.hosts.django.store import DjangoStore; "
            "DjangoStore().insert(RECORDS)"
        )
        done = project.manage("shell", "-c", code)
        assert done.returncode == 0, done.stderr
        dump(Path(folder) / "predictions.sqlite3", "django.sql")


def dump(file: Path, name: str) -> None:
    with sqlite3.connect(file) as connection:
        (FOLDER / name).write_text("\n".join(connection.iterdump()) + "\n")
    connection.close()


if __name__ == "__main__":
    main()
