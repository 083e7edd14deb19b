"""Looks at the pretend Azure all the time and keeps when each rule of ours was there. Knows nothing of the database."""

import json
import re
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import requests

LOOK_SECONDS = 0.25
OURS = re.compile(r"latch-demo-[0-9a-f]{12}-\d+", re.IGNORECASE)


class Watcher(Thread):
    """Rules with our mark: when first and last seen, and what they said; foreign ones: what they are."""

    def __init__(self, azure_url: str) -> None:
        super().__init__(daemon=True, name="watcher")
        self.url = f"{azure_url}/_control/nsgs"
        self.seen: dict[str, dict[str, Any]] = {}
        self.foreign = self._foreign(self._look())
        self.changed: set[str] = set()
        self._over = Event()

    def run(self) -> None:
        """Look, until stopped."""
        while not self._over.wait(LOOK_SECONDS):
            try:
                groups = self._look()
            except (requests.RequestException, ValueError):
                continue
            self._keep(groups, time.time())

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join(timeout=15)

    def there(self) -> set[str]:
        """Return the names of our rules that stand in Azure right now."""
        return {name for group in self._look() for name in self._ours(group)}

    def save(self, path: Path) -> None:
        """What was seen is in this file."""
        path.write_text(json.dumps(self.seen), encoding="utf-8")

    def _look(self) -> list[dict[str, Any]]:
        return list(requests.get(self.url, timeout=10).json()["nsgs"])

    def _ours(self, group: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {rule["name"]: rule for rule in group["rules"] if OURS.fullmatch(rule["name"])}

    def _keep(self, groups: list[dict[str, Any]], moment: float) -> None:
        for group in groups:
            for name, rule in self._ours(group).items():
                # A rule of two groups bears one name in each.
                kept = self.seen.setdefault(f"{group['name']}/{name}", {"first": moment})
                kept |= {"last": moment, "description": rule["description"]}
        now = self._foreign(groups)
        self.changed |= {
            name for name in self.foreign.keys() | now.keys() if self.foreign.get(name) != now.get(name)
        }

    def _foreign(self, groups: list[dict[str, Any]]) -> dict[str, str]:
        return {
            f"{group['name']}/{rule['name']}": json.dumps(
                {key: value for key, value in rule.items() if key != "state"}, sort_keys=True
            )
            for group in groups
            for rule in group["rules"]
            if not OURS.fullmatch(rule["name"])
        }
