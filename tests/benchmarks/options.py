"""What a run of the benchmarks is told, and what a measure gives back. Nothing is measured here."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Options:
    """How much is done: requests and events in the database, grants to close, seconds of load for each figure."""

    requests: int = 100_000
    events: int = 100_000
    grants: int = 50
    seconds: float = 10.0
    rounds: int = 3
    clients: tuple[int, ...] = (1, 8)
    write_seconds: float = 0.4
    directory: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON has them; where the data lay says nothing to a reader."""
        return {name: value for name, value in asdict(self).items() if name != "directory"}


@dataclass
class Result:
    """What one measure found: rows for the table, and the numbers behind them."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)  # what, how much, a word about it
    data: dict[str, Any] = field(default_factory=dict)

    def row(self, what: str, value: str, note: str = "") -> None:
        """The table has one more line."""
        self.rows.append((what, value, note))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON has it."""
        lines = [{"what": what, "value": value, "note": note} for what, value, note in self.rows]
        return {"rows": lines, **self.data}


def percentile(values: list[float], percent: float) -> float:
    """Return the value that so many percent of these stay under; the greatest where there are few."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    if percent >= 100:
        return max(values)
    cuts = quantiles(values, n=1000, method="inclusive")
    return cuts[round(percent * 10) - 1]


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and most of several rounds."""
    return {
        "median": round(median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


def ranged(values: list[float], digits: int = 1) -> str:
    """Return "median (least to most)"."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
