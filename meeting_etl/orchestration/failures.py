"""The errors that fail or cancel a step with one sentence, which Dagster then shows first.

Belongs here: how a sentence reaches the pages of a run without a stack trace. Does not: which
errors these are (errors.py), who raises them (assets/, checks/).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterUserCodeProcessError
from dagster_shared.error import SerializableErrorInfo

from meeting_etl.errors import MeetingEtlError

_CANCELED = (
    "Canceled or interrupted. What was committed stays, and the next run continues from there. "
    "Days of this run that stay red have all rows that were fetched for them; the checks "
    "ledger_complete say what is missing."
)


# Dagster shows an error as class, message and all frames up to its own main loop. Only that of a
# DagsterUserCodeProcessError it shows as it stands, because it was made elsewhere.
class StepFailure(DagsterUserCodeProcessError, dg.Failure):
    """A dg.Failure that Dagster shows as the sentence of an error. It does not retry the step."""

    def __init__(self, error: MeetingEtlError) -> None:
        kind = type(error).__name__
        super().__init__(  # type: ignore[no-untyped-call]
            str(error),
            metadata={"kind": kind},
            allow_retries=False,
            user_code_process_error_infos=[_shown(str(error), kind)],
        )


class StepCanceled(DagsterExecutionInterruptedError, DagsterUserCodeProcessError):
    """The interruption of a step, which Dagster shows as a sentence."""

    def __init__(self) -> None:
        DagsterUserCodeProcessError.__init__(  # type: ignore[no-untyped-call]
            self, _CANCELED, user_code_process_error_infos=[_shown(_CANCELED, "Canceled")]
        )


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn a MeetingEtlError into a failed step with its sentence and no stack trace."""
    try:
        yield
    except MeetingEtlError as error:
        raise StepFailure(error) from None


def _shown(sentence: str, kind: str) -> SerializableErrorInfo:
    return SerializableErrorInfo(message=f"{sentence}\n", stack=[], cls_name=kind)
