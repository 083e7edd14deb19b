"""One writer of the trail's benchmark: events, a transaction each, as fast as it can. `trail.py` starts it."""

import os
import sys
import time
from uuid import uuid4

import psycopg

from audit_app.fields import new_salt

OURS = "audit_app_event"
COLUMNS = (
    "uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind, object_id, object_label, "
    "resource_label, story, source_address, correlation_id, why, data"
)
VALUES = (
    "%s, now(), 'bench.written', 'success', %s, 'Ada Lindqvist', '', '', 'grant', %s, 'SSH to prod-web-01', "
    "'prod-web-01', %s, '81.2.69.142', %s, 'Because of a ticket', '{\"seconds\": 1800}'"
)


def main(table: str, seconds: float, begin: float) -> int:
    """Return how many rows were committed within these seconds, counted from the instant all writers begin at."""
    ours = table == OURS
    statement = f"INSERT INTO {table} ({COLUMNS}{', salt' * ours}) VALUES ({VALUES}{', %b' * ours})".encode()
    done = 0
    with psycopg.connect(os.environ["BENCH_URL"], autocommit=True, prepare_threshold=1) as connection:
        time.sleep(max(0.0, begin - time.time()))
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            number = str(done)
            values = (uuid4(), f"t:{done % 500}", number, f"request-{done // 8}", f"c-{number}")
            # As the portal writes them: the salt is made by whoever writes.
            connection.execute(statement, (*values, new_salt()) if ours else values)
            done += 1
    return done


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
