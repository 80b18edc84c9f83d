"""What a check finds: its state, a sentence, and what to do.

Belongs here: findings, results, and that a failed check does not stop the next one. Does not: any
check.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from meeting_etl.errors import MeetingEtlError

_ADVICE = "Follow this advice, then run `meeting-etl doctor` again."


class State(StrEnum):
    """How serious it is; only a problem makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it: nothing if it is ok."""

    state: State
    found: str
    todo: str = ""


@dataclass(frozen=True)
class CheckResult:
    """A finding with its section and name; the fields of `--format json`."""

    section: str
    name: str
    state: State
    found: str
    todo: str


class NotChecked(Exception):
    """The finding of a check that cannot be made, for a reason that is already known."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.found)
        self.finding = finding


def ok(found: str) -> Finding:
    """Works."""
    return Finding(State.OK, found)


def warning(found: str, todo: str) -> Finding:
    """Works, but needs attention."""
    return Finding(State.WARNING, found, todo)


def problem(found: str, todo: str) -> Finding:
    """Does not work."""
    return Finding(State.PROBLEM, found, todo)


def skipped(found: str, todo: str = "") -> Finding:
    """Not checked, or nothing to check."""
    return Finding(State.SKIPPED, found, todo)


def run_check(section: str, name: str, check: Callable[[], Finding]) -> CheckResult:
    """The result of a check, whatever it raises."""
    try:
        finding = check()
    except NotChecked as not_checked:
        finding = not_checked.finding
    except MeetingEtlError as error:
        finding = problem(str(error), _ADVICE)
    except OSError as error:
        finding = problem(f"The check failed: {error.strerror}.", "Check the permissions.")
    except Exception as error:  # noqa: BLE001 - a check that fails must not stop the others
        # Its own text is left out: it may contain anything.
        found = f"The check failed ({type(error).__name__})."
        finding = problem(found, "This is a bug; please report it.")
    return CheckResult(section, name, finding.state, finding.found, finding.todo)


def said_once(results: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """The results, with an error that several checks met in full at the first of them only.

    Where a database or a bucket cannot be reached, that concerns a dozen checks.
    """
    first: dict[str, CheckResult] = {}
    for result in results:
        met = first.setdefault(result.found, result)
        if met is result or result.todo != _ADVICE:
            yield result
        else:
            found = f"Not checked, for the same reason as {met.section}, {met.name}."
            yield replace(result, found=found, todo="See that line.")
