"""What is wrong with a policy, by file and line; finding it belongs to the readers."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong; `line` counts from 1, 0 where no line can be named."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class PolicyFaults(Exception):
    """The files hold no usable policy; `faults` are all of them, by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """“.

    Did you mean x?” when a known word is near, else what is known (when that is short), else nothing.
    """
    words = sorted(known)
    if near := get_close_matches(word, words, n=1, cutoff=0.6):
        return f"; did you mean “{near[0]}”?"
    if words and len(words) <= 8:
        return f"; known are {', '.join(words)}"
    return ""
