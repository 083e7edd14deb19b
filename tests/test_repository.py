"""Facts about the repository itself: sizes, floors, who writes states, what may change, nothing of this machine."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

from tests.support.environment import ROOT

SOURCES = ("latchportal", "requests_app", "audit_app")
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
EMPTY = ("latchportal", "requests_app", "requests_app/targets", "audit_app", "latchportal/demo")
# The one mechanism that may write a state; the made-up past of a demo; and the pretend cloud's own rules.
STATE_WRITERS = ("audit_app/lifecycle.py", "requests_app/management/seeding/", "latchportal/devcloud/")
MOVERS = ("requests_app/actions/", "requests_app/converge/", "audit_app/lifecycle.py", "audit_app/reviews")
# Written once: the site has no right to change these rows.
IMMUTABLE = {"audit_app.Event", "audit_app.Seal", "audit_app.SealedEvent"}
MUTABLE = {
    "audit_app.AccessReview",
    "audit_app.ActivityReading",
    "audit_app.Alert",
    "audit_app.AlertCursor",
    "audit_app.Export",
    "audit_app.ExportRun",
    "audit_app.ExportSchedule",
    "audit_app.HeadCursor",
    "audit_app.ReviewItem",
    "audit_app.ShippingCursor",
    "requests_app.Absence",
    "requests_app.AccessRequest",
    "requests_app.Arming",
    "requests_app.Attempt",
    "requests_app.Comment",
    "requests_app.Container",
    "requests_app.ContainerSnapshot",
    "requests_app.Decision",
    "requests_app.Delegation",
    "requests_app.DirectoryGroup",
    "requests_app.DirectoryMembership",
    "requests_app.EligibilitySpan",
    "requests_app.Entitlement",
    "requests_app.Grant",
    "requests_app.Heartbeat",
    "requests_app.LatchCode",
    "requests_app.Message",
    "requests_app.NoticeChoices",
    "requests_app.Opening",
    "requests_app.Person",
    "requests_app.PolicyVersion",
    "requests_app.RequestItem",
    "requests_app.Resource",
    "requests_app.Rota",
    "requests_app.Shift",
    "requests_app.SignIn",
    "requests_app.Stage",
    "requests_app.TakenAway",
    "requests_app.Verifier",
}


def code(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.split("\0") if line and (ROOT / line).is_file()]


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    lengths = {
        name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in code(*SOURCES, "tests")
    }
    long = {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE}
    assert not long, f"split these by noun, past {LONGEST_FILE} lines: {long}"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in code(*SOURCES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert not long, f"past {LONGEST_FUNCTION} lines: {long}"


def test_only_move_writes_a_state() -> None:
    writers = [
        f"{name(path)}:{node.lineno}"
        for path in code(*SOURCES)
        if not name(path).startswith(STATE_WRITERS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for part in ast.walk(target)
        if isinstance(part, ast.Attribute)
        and part.attr == "state"
        and isinstance(part.ctx, ast.Store)
        # An ASGI application's own bag of things.
        and not (isinstance(part.value, ast.Name) and part.value.id == "app")
    ]
    assert not writers, f"a state is written past move(), without its event: {writers}"


def test_no_update_of_a_state_past_move() -> None:
    writers = [
        f"{name(path)}:{node.lineno}"
        for path in code(*SOURCES)
        if not name(path).startswith(STATE_WRITERS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"update", "aupdate", "bulk_update"}
        and any(keyword.arg == "state" for keyword in node.keywords)
    ]
    assert not writers, f"a state is updated past move(), without its event: {writers}"


def test_only_actions_and_convergence_call_move() -> None:
    callers = [
        f"{name(path)}:{node.lineno}"
        for path in code(*SOURCES)
        if not name(path).startswith(MOVERS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "audit_app.lifecycle"
        and any(alias.name == "move" for alias in node.names)
    ]
    assert not callers, f"only actions, convergence and reviews move states: {callers}"


def test_every_model_is_known_to_change_or_never_to() -> None:
    ours = {
        model._meta.label
        for app in ("requests_app", "audit_app")
        for model in apps.get_app_config(app).get_models()
    }
    assert ours == MUTABLE | IMMUTABLE, f"say of these whether they change: {ours ^ (MUTABLE | IMMUTABLE)}"


def test_models_that_never_change_are_guarded_by_the_sites_rights() -> None:
    from audit_app.roles import APPEND_ONLY

    assert {apps.get_model(label)._meta.db_table for label in IMMUTABLE} == set(APPEND_ONLY)


@pytest.mark.parametrize("package", EMPTY)
def test_package_loads_nothing_by_itself(package: str) -> None:
    assert not (ROOT / package / "__init__.py").read_text(encoding="utf-8").strip()


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        name(path) for path in code(*SOURCES) if (source := tree(path)).body and not ast.get_docstring(source)
    ]
    assert not silent, f"these do not say what lives there, and what must not: {silent}"


def test_the_floors_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


# Spelt in pieces, so that this file does not find itself.
MACHINE = re.compile(
    "|".join(["/ro" + "ot/", "/wo" + "rk/", "/ho" + r"me/\w+/", r"\.\./sh" + "ared", "/tmp/ho" + "use"])
)


def test_nothing_speaks_of_one_machine() -> None:
    found = []
    for path in tracked():
        if name(path) in {".ci/run", "tests/test_repository.py"}:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name(path)}: {hit.group()}" for hit in MACHINE.finditer(text)]
    assert not found, f"these hold on one machine alone: {found}"


@pytest.mark.xdist_group("together")
def test_tests_of_one_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """Ungrouped, each process of pytest-xdist would start a whole stack of its own for its share of the journeys."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("not run with --dist loadgroup, as `make test` does")
    assert request.node.nodeid.endswith("@together"), "pytest and pytest-xdist do not fit: see pyproject.toml"
