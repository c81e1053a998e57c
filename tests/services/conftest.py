"""Real services on free loopback ports, started by the tests and stopped by their own pid."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _as_postgres() -> dict[str, object]:
    """PostgreSQL refuses to run as root: take its own user where we are root."""
    if os.geteuid():
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory):
    """SQLAlchemy URL of an empty PostgreSQL server of our own."""
    pytest.importorskip("psycopg", reason="PostgreSQL tests need labkit[postgres]")
    found = shutil.which("initdb") or next(
        (f for p in _FOLDERS if (f := p / "initdb").exists()), None
    )
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian package: postgresql)")
    tools = Path(found).resolve().parent
    base = tmp_path_factory.mktemp("postgres")
    for folder in (base, *list(base.parents)[:2]):
        folder.chmod(0o755)
    data = base / "data"
    data.mkdir()
    identity = _as_postgres()
    if identity:
        os.chown(data, identity["user"], identity["group"])
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": base, **identity}
    subprocess.run([tools / "initdb", "-D", data, "-U", "labkit", "-A", "trust", "-N"], **quiet)
    port = free_port()
    server = subprocess.Popen(
        [tools / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", data],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=base,
        **identity,
    )
    try:
        ready = [tools / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
        deadline = time.monotonic() + 30
        while subprocess.run(ready, check=False).returncode:
            assert server.poll() is None, "PostgreSQL did not start"
            assert time.monotonic() < deadline, "PostgreSQL did not answer"
            time.sleep(0.1)
        yield f"postgresql+psycopg://labkit@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(timeout=30)
