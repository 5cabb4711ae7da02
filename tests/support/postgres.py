"""A private PostgreSQL server for tests: its own folder, a Unix socket, no network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from sqlalchemy import create_engine, text

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def reason_not_to_run() -> str | None:
    """Return why no server can be started here; None if it can."""
    if not FOLDERS:
        return "no PostgreSQL server under /usr/lib/postgresql (install it with .ci/postgres)"
    if os.getuid() == 0:
        if shutil.which("runuser") is None:
            return "PostgreSQL does not run as root, and runuser is missing"
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return None


class Server:
    """A server that can be stopped, started, and killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bestofinf-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8",
            "--locale=C.UTF-8",
        )  # fmt: skip
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(FOLDERS[0] / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(
            command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
        self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w",
            "-o", options, "start",
        )  # fmt: skip

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def fresh_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        engine = create_engine(
            self.url().replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
        engine.dispose()
        return self.url(name)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)
