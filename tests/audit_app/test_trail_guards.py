"""The database guards the trail and its seals; the test database's flush is the one way round."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from audit_app.models import Event
from audit_app.trail import record, system
from tests.support import database
from tests.support.environment import ROOT

GUARDS = {f"{table}_{what}" for table in database.GUARDED for what in ("no_change", "no_truncate")}
ALWAYS, DISABLED = "A", "D"
A_SEAL = "INSERT INTO audit_app_seal VALUES (1, 'e', 1, 1, 1, 'r', 'p', now(), '7', 0, 'k', 's')"
A_PLACE = "INSERT INTO audit_app_sealedevent VALUES (1, 1, gen_random_uuid(), 'l', 'c', now(), now())"


def guards() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE tgname = ANY(%s)", [list(GUARDS)])
        return dict(cursor.fetchall())


def test_migrations_leave_every_guard_enabled_always() -> None:
    folder = ROOT / "audit_app" / "migrations"
    names = ("0002_append_only.py", "0006_sealing.py")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    for guard in GUARDS:
        assert f"ENABLE ALWAYS TRIGGER {guard}" in text, f"{guard} would sleep for the replication role"


@pytest.mark.django_db
def test_only_the_truncate_guards_are_off_in_a_test_database() -> None:
    assert guards() == {name: DISABLED if name.endswith("_no_truncate") else ALWAYS for name in GUARDS}


@pytest.mark.django_db
def test_restored_guard_is_as_the_migration_left_it() -> None:
    database.restore_guard(connection)
    assert guards() == dict.fromkeys(GUARDS, ALWAYS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_app_event SET why = 'x'",
        "DELETE FROM audit_app_event",
        "TRUNCATE audit_app_event",
        "UPDATE audit_app_sealedevent SET leaf = ''",
        "DELETE FROM audit_app_sealedevent",
        "TRUNCATE audit_app_sealedevent",
        "UPDATE audit_app_seal SET root = ''",
        "DELETE FROM audit_app_seal",
        "TRUNCATE audit_app_seal",
    ],
)
def test_database_refuses_to_change_the_trail(statement: str) -> None:
    database.restore_guard(connection)
    record("test.happened", by=system("tests"))
    with connection.cursor() as cursor:
        cursor.execute(A_SEAL)
        cursor.execute(A_PLACE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_way_round_refuses_a_database_that_is_not_a_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    class Production:
        def cursor(self) -> "Production":
            return self

        def __enter__(self) -> "Production":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def execute(self, statement: str) -> None:
            assert statement.startswith("SELECT"), f"{statement} reached the production database"

        def fetchone(self) -> tuple[str]:
            return ("latch",)

    with pytest.raises(database.NotATestDatabase, match="latch"):
        database.let_flush(Production())  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_flush_can_empty_a_test_database() -> None:
    with transaction.atomic():
        record("test.happened", by=system("tests"))
    call_command("flush", interactive=False, verbosity=0)
    assert not Event.objects.exists()


def test_the_helper_is_the_only_way_round() -> None:
    folders = ("audit_app", "requests_app", "latchportal", "tests")
    here, helper = Path(__file__), Path(database.__file__)
    offenders = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "DISABLE TRIGGER" in path.read_text(encoding="utf-8") and path not in {here, helper}
    ]
    assert offenders == [], f"only tests/support/database.py may switch a guard off: {offenders}"


@pytest.mark.django_db
def test_every_event_has_a_salt_of_its_own_whoever_writes_it() -> None:
    with transaction.atomic():
        record("test.written", by=system("a test"))
        record("test.written", by=system("a test"))
    columns = (
        "uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind, object_id, object_label, "
        "resource_label, story, correlation_id, why, data"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_app_event ({columns}) SELECT gen_random_uuid(), at, "
            f"{columns.partition('at, ')[2]} FROM audit_app_event"
        )
    salts = [bytes(salt) for salt in Event.objects.values_list("salt", flat=True)]
    assert [len(salt) for salt in salts] == [32] * 4
    assert len(set(salts)) == 4
