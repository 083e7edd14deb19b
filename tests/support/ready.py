"""One migrated database cluster for a run of several workers: made once, copied by whoever needs one.

It is made anew in each run, beside the collecting of the tests, out of an empty server and by the demo's own way: both
roles, then `migrate` as the tables' owner. Where no workers are asked for, or a server is named, there is none, and
every database is made from nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

from latchportal.demo import databases
from latchportal.demo.postgres import Postgres
from latchportal.demo.processes import Part, run
from tests.support.waiting import until

# Said to the workers: the home of the run's own server.
WHERE = "LATCH_TESTS_READY"
# In that home: the data of the copy, and what is written when it is complete.
COPY, DONE = "copy", "copy.done"
PATIENCE_S = 120


def begin(server: Postgres, root: Path) -> Part:
    """Return the process that makes it, in and of the run's own server."""
    os.environ[WHERE] = str(server.home)
    command = [sys.executable, "-m", "tests.support.ready", str(server.log.parent)]
    part = Part("ready", command, server.log.parent / "ready.log", dict(os.environ), root)
    part.start()
    return part


def in_this_run() -> bool:
    """Return whether there is one, or will be."""
    return WHERE in os.environ


def wait() -> Path:
    """Return its data, complete; fails with its maker's last words where it could not be made."""
    home = Path(os.environ[WHERE])
    done = home / DONE
    until(done.exists, "the migrated cluster", PATIENCE_S)
    said = done.read_text(encoding="utf-8")
    assert not said, said
    return home / COPY


def copied_into(server: Postgres) -> bool:
    """Return whether this server, not started yet, will begin with a copy: both roles, and the database, migrated."""
    if not in_this_run():
        return False
    data = wait()
    server.home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(data), str(server.data)], check=True)
    return True


def make(server: Postgres) -> None:
    """The run's own server has the demo's database, migrated, and a copy of it all lies beside its data."""
    import django
    from django.core.management import call_command

    databases.prepare(server)
    os.environ["DATABASE_URL"] = server.url(databases.DATABASE, databases.SITE)
    os.environ["DATABASE_OWNER_URL"] = server.url(databases.DATABASE, databases.OWNER)
    django.setup()
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    words = [str(server.binaries / "pg_basebackup"), "-h", str(server.sockets), "-U", "postgres"]
    how = ["--checkpoint=fast", "--wal-method=fetch", "--no-sync", "--no-manifest"]
    run(
        Part(
            "copy",
            [*words, "-D", str(server.home / COPY), *how],
            server.log,
            dict(os.environ),
            user=server.user,
        )
    )


def main(home: Path) -> None:
    """It is made, or those who wait for it are told why not."""
    server = Postgres(home / "postgres", log=home / "postgres.log")
    said = "The migrated cluster was not made: its maker was stopped."
    try:
        make(server)
        said = ""
    except Exception as error:
        said = f"The migrated cluster could not be made: {error!r}"
        raise
    finally:
        part = server.home / f"{DONE}.part"
        part.write_text(said, encoding="utf-8")
        part.rename(server.home / DONE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
