"""What a trial may end as, and the tally of many."""

from __future__ import annotations

import json
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field

from crend.errors import InputError

LONGEST_LINE = 2000


@dataclass
class Tally:
    """Trials of one kind. lost: those that ended in neither a result nor a clear refusal, each with what was seen."""

    name: str
    tried: int = 0
    ended: Counter = field(default_factory=Counter)
    lost: list = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        """All of it as text; `from_json` reads it."""
        return json.dumps({**vars(self), "ended": dict(self.ended)})

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """The tally that `as_json` wrote."""
        found = json.loads(text)
        return cls(**{**found, "ended": Counter(found["ended"]), "lost": [tuple(each) for each in found["lost"]]})

    def count(self, what: str, good: bool, outcome: str, seen: str = "") -> None:
        """Note one trial: `what` names it, `outcome` says how it ended."""
        self.tried += 1
        if good:
            self.ended[outcome] += 1
        else:
            self.lost.append((what, f"{outcome}: {seen}" if seen else outcome))
            print(f"lost: {self.name}: {what}: {outcome}: {seen}", file=sys.stderr, flush=True)

    def attempt(self, what: str, work, result: str = "done") -> None:
        """Note how `work()` ends: it returns, or refuses in one line with a cure; anything else is lost."""
        try:
            work()
        except InputError as error:
            text = str(error)
            self.count(what, is_clear(text), "refused", "" if is_clear(text) else repr(text[:200]))
        except Exception as error:
            self.count(what, False, type(error).__name__, last_lines(error))
        else:
            self.count(what, True, result)


def together(tallies: list[Tally]) -> Tally:
    """The parts of one kind of trial as one tally."""
    whole = Tally(tallies[0].name)
    for part in tallies:
        whole.tried += part.tried
        whole.ended += part.ended
        whole.lost += part.lost
        whole.seconds += part.seconds
    return whole


def is_clear(text: str) -> bool:
    """Whether a refusal is one line that says something and ends as a sentence."""
    return 10 < len(text) < LONGEST_LINE and "\n" not in text and text.rstrip().endswith((".", ")", "?"))


def last_lines(error: BaseException, lines: int = 6) -> str:
    """The end of a traceback, one line."""
    text = "".join(traceback.format_exception(error)).strip().splitlines()[-lines:]
    return " | ".join(line.strip() for line in text)[:600]
