"""The targets are light: importing them loads neither Django nor the SDK."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys
import requests_app.targets
for module in pkgutil.iter_modules(requests_app.targets.__path__, "requests_app.targets."):
    importlib.import_module(module.name)
heavy = {"azure", "django", "celery", "requests", "msal"} & {name.partition(".")[0] for name in sys.modules}
print(sorted(heavy))
"""


def test_importing_every_target_loads_neither_sdk_nor_django() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
