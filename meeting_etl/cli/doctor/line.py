"""What the doctor finds: one line for each thing that was looked at.

Belongs here: the line, its states, and that no failed look stops the next one. Does not: any look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from meeting_etl.errors import MeetingEtlError


class State(StrEnum):
    """How serious it is; only a problem makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it: nothing when all is well."""

    state: State
    found: str
    todo: str = ""


@dataclass(frozen=True)
class Line:
    """A finding with its place on the screen."""

    section: str
    name: str
    state: State
    found: str
    todo: str


class NotAsked(Exception):
    """The finding of a look that could not be taken, for a reason that is known already."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.found)
        self.finding = finding


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(State.OK, found)


def warning(found: str, todo: str) -> Finding:
    """Worth doing something about, some day."""
    return Finding(State.WARNING, found, todo)


def problem(found: str, todo: str) -> Finding:
    """Something does not work."""
    return Finding(State.PROBLEM, found, todo)


def skipped(found: str, todo: str = "") -> Finding:
    """Not looked at, or nothing there to look at."""
    return Finding(State.SKIPPED, found, todo)


def look(section: str, name: str, check: Callable[[], Finding]) -> Line:
    """The line of a check, whatever it meets."""
    try:
        finding = check()
    except NotAsked as known:
        finding = known.finding
    except MeetingEtlError as error:
        finding = problem(str(error), "Do what it says, then ask again.")
    except OSError as error:
        finding = problem(f"It cannot be looked at: {error.strerror}.", "Check the permissions.")
    except Exception as error:  # noqa: BLE001 - one look that fails must not cost the others
        # Its own text is left out: nobody can say what is in it.
        found = f"It cannot be looked at ({type(error).__name__})."
        finding = problem(found, "Tell us: this is a mistake of ours.")
    return Line(section, name, finding.state, finding.found, finding.todo)
