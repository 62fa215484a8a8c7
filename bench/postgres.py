"""What a user would build instead: the same calls on PostgreSQL, driven by its own pgbench.

A throwaway cluster on a socket of its own, as it comes: every commit is on disk before it is
answered, and commits that come together share a flush. pgbench is C and makes no other call
meanwhile, so what it finds is what the database can do.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.selling import BUYERS, CONCERT, NOW_MS, ROWS, SEATS_PER_ROW
from bench.tasks import Figures, ended_in_order, spread

MISSING = "PostgreSQL is not installed: it was not measured"
FEW_CALLS = 20
_DEBIAN = Path("/usr/lib/postgresql")
_OWNERS = ("postgres", "nobody")  # it refuses to be run by root
_SETTINGS = ("listen_addresses=", "shared_buffers=256MB", "max_wal_size=4GB", "max_connections=300")
_SCHEMA = Path(__file__).with_suffix(".sql")
_SCRIPTS = {
    "book": f"\\set buyer random(1, {BUYERS})\nSELECT book(:buyer, {CONCERT});\n",
    "select": (
        # The owner of each of the first bookings has its number.
        f"\\set buyer random(1, {BUYERS})\n"
        f"SELECT hold(:buyer, :buyer, {CONCERT * 10_000_000 + 10_001}"
        f" + at / {SEATS_PER_ROW} * 10000 + at % {SEATS_PER_ROW}, {NOW_MS})"
        " FROM nextval('walk') AS at;\n"
    ),
}


def programs() -> Path | None:
    """Where initdb, pg_ctl and pgbench are, the newest; None: nowhere."""
    found = [Path(one).parent for one in (shutil.which("initdb"),) if one]
    found += sorted(_DEBIAN.glob("*/bin"), key=lambda one: float(one.parent.name), reverse=True)
    needed = ("initdb", "pg_ctl", "psql", "pgbench")
    return next((one for one in found if all((one / name).exists() for name in needed)), None)


class Postgres:
    """A cluster with an empty hall, and the bookings that select needs."""

    def __init__(self, programs: Path, directory: Path, owner: str | None) -> None:
        self._programs = programs
        self._directory = directory
        self._owner = owner

    def start(self) -> None:
        data = str(self._directory / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "bench", "--no-locale", "-E", "UTF8")
        settings = [*_SETTINGS, f"unix_socket_directories={self._directory}"]
        options = " ".join(f"-c {one}" for one in settings)
        log = str(self._directory / "log")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        self._tell(_SCHEMA.read_text(encoding="utf-8"))
        self._tell(f"INSERT INTO event VALUES ({CONCERT}, {ROWS}, {SEATS_PER_ROW})")
        self._tell(f"SELECT count(book(one, {CONCERT})) FROM generate_series(1, {BUYERS}) AS one")
        self._tell("VACUUM ANALYZE")

    def stop(self) -> None:
        """Also one whose start has failed in the middle."""
        if (self._directory / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._directory / "data"), "-w", "-m", "fast", "stop")

    def version(self) -> str:
        return self._run("pgbench", "--version").split()[2]

    def sold(self, clients: int, *, seconds: float) -> Figures:
        """Book, then hold, by so many clients at once, each waiting for its answer.

        A few calls each for less than a second, which pgbench can't measure.
        """
        return {call: self._driven(call, clients, seconds) for call in _SCRIPTS}

    def _driven(self, call: str, clients: int, seconds: float) -> Figures:
        script = self._directory / f"{call}.pgbench"
        script.write_text(_SCRIPTS[call], encoding="utf-8")
        logs = self._directory / "times"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir()
        logs.chmod(0o777)  # its owner may be another than us
        load = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1"]
        load += ["-T", str(round(seconds))] if seconds >= 1 else ["-t", str(FEW_CALLS)]
        times_log = ["-l", "--log-prefix", str(logs / "t")]
        told = self._run("pgbench", *load, *times_log, "-f", str(script))
        assert "number of failed transactions: 0 " in told, told
        rate = float(told.partition("tps = ")[2].split()[0])
        lines = [line for one in logs.iterdir() for line in one.read_text().splitlines()]
        times = [int(line.split()[2]) / 1e6 for line in lines]
        return {"calls": len(times), "per_s": round(rate), **spread(times)}

    def _tell(self, statements: str) -> str:
        return self._run("psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statements)

    def _run(self, program: str, *arguments: str) -> str:
        where = {"PGHOST": str(self._directory), "PGUSER": "bench", "PGDATABASE": "postgres"}
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._owner,
            cwd=self._directory,
            env={**os.environ, **where},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout[-2_000:]}")
        return done.stdout


@contextmanager
def cluster(programs: Path) -> Iterator[Postgres]:
    """A running one, gone afterwards. Raises RuntimeError where it can't be started."""
    with TemporaryDirectory(prefix="billetter-bench-") as name:
        directory, owner = Path(name), None
        if os.geteuid() == 0:
            known = {one.pw_name for one in pwd.getpwall()}
            owner = next(one for one in _OWNERS if one in known)
            shutil.chown(directory, owner)
        postgres = Postgres(programs, directory, owner)
        with ended_in_order():
            try:
                postgres.start()
                yield postgres
            finally:
                postgres.stop()
