"""What the image holds, as far as can be known without an engine: the tree starts, the pretend cloud is not in it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCTION = {
    "SECRET_KEY": "not-a-secret-but-as-long-as-one-0123456789-abcdefghijklmnopqrstuvwxyz",
    "DATABASE_URL": "postgresql://latch_site@127.0.0.1:1/latch",
    "DATABASE_OWNER_URL": "postgresql://latch_owner@127.0.0.1:1/latch",
    "BASE_URL": "https://latch.example.org",
    "ALLOWED_HOSTS": "latch.example.org",
    "ENTRA_TENANT_ID": "0b3c1f7e-5d0a-4d57-9a55-3f1f0a3f6c11",
    "DJANGO_SETTINGS_MODULE": "latchportal.settings",
    "LOG_LEVEL": "WARNING",
}


def ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "!", "*"))]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files the Dockerfile copies, without those .dockerignore keeps from it."""
    tree = tmp_path_factory.mktemp("image")
    for name in ("latchportal", "requests_app", "audit_app", "templates"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tree)
    for name in ignored():
        shutil.rmtree(tree / name)
    return tree


def run(tree: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **PRODUCTION}
    done = subprocess.run(
        [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_image_leaves_the_pretend_cloud_and_the_demo_out(image: Path) -> None:
    assert {"latchportal/devcloud", "latchportal/demo"} <= set(ignored())
    assert not (image / "latchportal" / "devcloud").exists()


def test_the_image_starts_in_production_without_complaint(image: Path) -> None:
    run(image, "manage.py", "check", "--deploy", "--fail-level", "WARNING")


def test_the_images_static_files_get_hashed_names(image: Path) -> None:
    run(image, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
    assert (image / "staticfiles" / "staticfiles.json").is_file()


def test_a_web_process_knows_its_addresses_and_not_the_azure_sdk(image: Path) -> None:
    code = (
        "import latchportal.wsgi, sys; from django.urls import reverse; reverse('home'); "
        "print(sorted(m for m in sys.modules if m.startswith(('azure.mgmt', 'azure.identity', 'azure.core'))))"
    )
    assert run(image, "-c", code).strip() == "[]"


def test_every_part_of_compose_is_something_the_entrypoint_can_do() -> None:
    import yaml

    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    entrypoint = (ROOT / "docker" / "entrypoint").read_text(encoding="utf-8")
    commands = {
        part["command"] for part in compose["services"].values() if part.get("image") == "latchportal"
    }
    assert commands == {"web", "migrate", "tick", "converge", "slow", "seal", "mail", "beat", "reaper"}
    assert all(f"  {command})" in entrypoint for command in commands)


def test_example_environment_names_only_settings_that_exist() -> None:
    settings = "".join(
        (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("settings.md", "reaper.md")
    )
    of_postgres = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "LATCH_SITE_PASSWORD"}
    lines = (ROOT / "docker" / "env.example").read_text(encoding="utf-8").splitlines()
    names = {line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")}
    assert {name for name in names - of_postgres if f"`{name}`" not in settings} == set()


def test_every_queue_has_a_part_that_takes_it_in_the_image_and_in_the_demo() -> None:
    from latchportal.celery import Configuration
    from latchportal.demo.stack import WORKERS

    entrypoint = (ROOT / "docker" / "entrypoint").read_text(encoding="utf-8")
    queues = {queue.name for queue in Configuration.task_queues}
    taken = re.findall(r"worker -Q ([a-z,]+)", entrypoint)
    for parts in (taken, [words[words.index("-Q") + 1] for words in WORKERS.values()]):
        assert {name for part in parts for name in part.split(",")} == queues
