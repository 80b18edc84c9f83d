"""All resources of a meeting, in the order in which they are fetched.

Belongs here: the order. Does not: anything about one resource (its own file), files of recordings,
whose downloads have runs of their own (recording_files.py).
"""

from collections.abc import Sequence
from functools import partial

from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.resources.invitees import INVITEES
from meeting_etl.pipeline.resources.participants import PARTICIPANTS
from meeting_etl.pipeline.resources.recordings import RECORDINGS
from meeting_etl.pipeline.resources.snippets import SNIPPETS
from meeting_etl.pipeline.resources.summaries import SUMMARIES
from meeting_etl.pipeline.resources.transcript_files import stored_vtt, transcript_files
from meeting_etl.pipeline.resources.transcripts import TRANSCRIPTS
from meeting_etl.pipeline.resources.vtt_snippets import vtt_snippets
from meeting_etl.storage import Storage


def day_specs(files: Storage, transcript_formats: Sequence[str]) -> list[FetchSpec]:
    """The specs of all resources that a day's run fetches: lists before their parts.

    A fallback comes after what it is the fallback of.
    """
    return [
        MEETING_DETAILS,
        RECORDINGS,
        PARTICIPANTS,
        INVITEES,
        TRANSCRIPTS,
        transcript_files(files, transcript_formats),
        SNIPPETS,
        vtt_snippets(partial(stored_vtt, files)),
        SUMMARIES,
    ]
