"""Every table and column, named once.

Belongs here: names, types, comments, keys, sort order, partitioning, the API field that a column is
read from, whether it is personal, and the fields that are never kept. Does not: reading values out
of items (pipeline/rows.py) or writing files (lake/lake.py).
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pyarrow as pa

# Partitions begin here; no meeting that we could hear of ended before.
FIRST_DAY = date(2015, 1, 1)

TEXT = pa.string()
INT = pa.int64()
NUMBER = pa.float64()
FLAG = pa.bool_()
MOMENT = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())


@dataclass(frozen=True)
class Column:
    """One column. `field` is the API field it is read from, None when the value is ours.

    `aliases` are older names of that field. `children` are the fields of a list of structs.
    """

    name: str
    type: pa.DataType
    comment: str
    field: str | None = None
    personal: bool = False
    aliases: tuple[str, ...] = ()
    children: tuple["Column", ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    `partition` names the column that is the folder (`date=…`) and not in the file; None for a table
    of one file. `sort` is the order of rows in a file, `bloom` the columns that are looked up.
    `appended`: most rows are added and never changed, and a partition is one file or several; else
    it is one. `group_rows` are the rows of a row group: where few are looked up, it has few.
    """

    name: str
    comment: str
    key: tuple[str, ...]
    sort: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: Column | None
    bloom: tuple[str, ...] = ()
    appended: bool = False
    group_rows: int = 122_880

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of a file."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    @cached_property
    def by_field(self) -> dict[str, Column]:
        """Columns by the API field that they are read from."""
        return by_field(self.columns)


def by_field(columns: tuple[Column, ...]) -> dict[str, Column]:
    """Columns by the API field that they are read from, older names of the field included."""
    return {
        name: column
        for column in columns
        if column.field
        for name in (column.field, *column.aliases)
    }


def _structs(name: str, comment: str, field: str, children: tuple[Column, ...]) -> Column:
    """A column that holds a list of structs."""
    kind = pa.list_(pa.struct([(child.name, child.type) for child in children]))
    return Column(name, kind, comment, field, children=children)


def _email(name: str, comment: str, field: str | None) -> tuple[Column, Column]:
    """A column with an e-mail address and the one with its domain that stands beside it."""
    return (
        Column(name, TEXT, comment, field, personal=True),
        Column(f"{name}_domain", TEXT, f"Part of {name} after the @, in lower case."),
    )


_DATE = Column("date", pa.date32(), "UTC date on which the meeting ended; the partition.")
_RECEIVED_DATE = Column(
    "received_date",
    pa.date32(),
    "UTC date of received_at, else of the meeting's end, else of the nearest earlier dated line "
    "of the log; the partition.",
)
_MEETING_ID = Column(
    "meeting_id", TEXT, "Id of the meeting instance, <series>_I_<number>.", "meetingId"
)
_SERIES_ID = Column("meeting_series_id", TEXT, "Id of the meeting series.", "meetingSeriesId")
_SCHEDULED_ID = Column(
    "scheduled_meeting_id", TEXT, "Id of the scheduled occurrence.", "scheduledMeetingId"
)
_SITE = Column("site_url", TEXT, "Webex site of the meeting.", "siteUrl")
_HOST_USER = Column("host_user_id", TEXT, "Id of the host.", "hostUserId", personal=True)
_EXTRA = Column("extra", TEXT, "JSON text of fields that have no column; NULL when there are none.")
_FETCHED = (
    Column("run_id", TEXT, "Id of the run that fetched the row."),
    Column("fetched_at", MOMENT, "When the answer with this row arrived."),
    _EXTRA,
)


# meetings.origin of those of which no ended event told.
RECONCILED = "reconciled"

MEETINGS = Table(
    "meetings",
    "One row for each meeting instance that ended, whatever told of it.",
    key=("meeting_id",),
    sort=("meeting_id",),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("meeting_id", TEXT, "Id of the instance, <series>_I_<number>; unique.", "id"),
        _SERIES_ID,
        _SCHEDULED_ID,
        Column("meeting_number", TEXT, "Number people dial or type to join.", "meetingNumber"),
        Column("title", TEXT, "Title of the meeting.", "title", personal=True),
        Column("meeting_type", TEXT, "Webex's meetingType, here always meeting.", "meetingType"),
        Column("scheduled_type", TEXT, "meeting, webinar or personalRoomMeeting.", "scheduledType"),
        Column("state", TEXT, "State that the last event told, ended.", "state"),
        Column("timezone", TEXT, "Time zone the meeting was scheduled in.", "timezone"),
        Column("started_at", MOMENT, "Actual start.", "start"),
        Column("ended_at", MOMENT, "Actual end; its UTC date is the partition.", "end"),
        Column("duration_seconds", INT, "ended_at less started_at, in seconds."),
        _HOST_USER,
        *_email("host_email", "E-mail address of the host.", "hostEmail"),
        Column("host_display_name", TEXT, "Name of the host.", "hostDisplayName", personal=True),
        _SITE,
        Column("org_id", TEXT, "UUID of the organization.", "orgId"),
        Column("has_recording", FLAG, "Webex says that it was recorded.", "hasRecording"),
        Column(
            "has_transcription", FLAG, "Webex says that there is a transcript.", "hasTranscription"
        ),
        Column(
            "first_received_at",
            MOMENT,
            "When the first ended event was received; NULL while none was.",
        ),
        Column(
            "delivery_count",
            INT,
            "Ended events received for this meeting, duplicates too; 0 when it was reconciled.",
        ),
        Column("origin", TEXT, "webhook, or reconciled when no webhook ever told of it."),
        Column("run_id", TEXT, "Id of the run that asked for title, names and flags; else NULL."),
        Column("fetched_at", MOMENT, "When the API told of the meeting; NULL while it has not."),
        _EXTRA,
    ),
)

RECORDINGS = Table(
    "recordings",
    "One row for each recording of a meeting.",
    key=("recording_id",),
    sort=("meeting_id", "recording_id"),
    bloom=("meeting_id", "recording_id"),
    partition=_DATE,
    columns=(
        Column("recording_id", TEXT, "Id of the recording; unique.", "id"),
        _MEETING_ID,
        _SCHEDULED_ID,
        _SERIES_ID,
        Column("topic", TEXT, "Topic of the recording.", "topic", personal=True),
        Column("created_at", MOMENT, "When the file was made, after the meeting.", "createTime"),
        Column("recorded_at", MOMENT, "When the record button was pressed.", "timeRecorded"),
        _SITE,
        Column("format", TEXT, "MP4, ARF, UPLOADED …", "format"),
        Column("service_type", TEXT, "MeetingCenter, EventCenter …", "serviceType"),
        Column("duration_seconds", INT, "Length, in seconds.", "durationSeconds"),
        Column("size_bytes", INT, "Size of the file, in bytes.", "sizeBytes"),
        Column("share_to_me", FLAG, "Shared with the token's user, not owned.", "shareToMe"),
        Column("integration_tags", TEXTS, "Tags of integrations.", "integrationTags"),
        Column("status", TEXT, "available, deleted, purged, or unlisted (ours).", "status"),
        Column("deleted_at", MOMENT, "When a deletion was proven; NULL while it is not."),
        Column(
            "deletion_proof",
            TEXT,
            "What proved it: event, listing (with that status) or not_found (404 or 410 by id).",
        ),
        *_email("host_email", "E-mail address of the host.", "hostEmail"),
        Column(
            "playback_url",
            TEXT,
            "Link to watch it; NULL unless store_links is switched on.",
            "playbackUrl",
        ),
        Column(
            "download_url",
            TEXT,
            "Link to download it; NULL unless store_links is switched on.",
            "downloadUrl",
        ),
        *_FETCHED,
    ),
)

PARTICIPANTS = Table(
    "participants",
    "One row for each participant of a meeting; rejoins are united in devices.",
    key=("meeting_id", "participant_id"),
    sort=("meeting_id", "participant_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        _MEETING_ID,
        Column("participant_id", TEXT, "Id of the participant; unique in a meeting.", "id"),
        *_email("email", "E-mail address; NULL for guests and phones.", "email"),
        Column("display_name", TEXT, "Name shown in the meeting.", "displayName", personal=True),
        Column("host", FLAG, "Was the host.", "host"),
        Column("co_host", FLAG, "Was a co-host.", "coHost"),
        Column("space_moderator", FLAG, "Moderates the space of the meeting.", "spaceModerator"),
        Column("invitee", FLAG, "Was invited.", "invitee"),
        Column("muted", FLAG, "Was muted, as last seen.", "muted"),
        Column("video", TEXT, "on or off, as last seen.", "video"),
        Column("state", TEXT, "lobby, joined, end or breakoutSession.", "state"),
        Column("joined_at", MOMENT, "First join; NULL while not known.", "joinedTime"),
        Column("left_at", MOMENT, "Last leave; NULL while not known.", "leftTime"),
        _structs(
            "devices",
            "One entry for each join with a device.",
            "devices",
            (
                Column("correlation_id", TEXT, "Id of the join.", "correlationId"),
                Column("device_type", TEXT, "Kind of device.", "deviceType"),
                Column("audio_type", TEXT, "pstn, voip or inactive.", "audioType"),
                Column("call_type", TEXT, "callIn or callBack.", "callType"),
                Column("joined_at", MOMENT, "When it joined.", "joinedTime"),
                Column("left_at", MOMENT, "When it left.", "leftTime"),
                Column("duration_seconds", INT, "Time in the meeting.", "durationSecond"),
            ),
        ),
        Column("device_count", INT, "Number of entries in devices."),
        _structs(
            "breakout_sessions",
            "Breakout sessions attended.",
            "breakoutSessionsAttended",
            (
                Column("id", TEXT, "Id of the breakout session.", "id"),
                Column("name", TEXT, "Name of it.", "name"),
                Column("joined_at", MOMENT, "When the participant joined it.", "joinedTime"),
                Column("left_at", MOMENT, "When the participant left it.", "leftTime"),
            ),
        ),
        _SITE,
        *_email("host_email", "E-mail address of the host.", "hostEmail"),
        Column("source_id", TEXT, "Id that ties the participant to a source.", "sourceId"),
        *_FETCHED,
    ),
)

TRANSCRIPTS = Table(
    "transcripts",
    "One row for each transcript of a meeting.",
    key=("transcript_id",),
    sort=("meeting_id", "transcript_id"),
    bloom=("meeting_id", "transcript_id"),
    partition=_DATE,
    columns=(
        Column("transcript_id", TEXT, "Id of the transcript; unique.", "id"),
        _MEETING_ID,
        _SCHEDULED_ID,
        _SERIES_ID,
        Column("meeting_topic", TEXT, "Topic of the meeting.", "meetingTopic", personal=True),
        _HOST_USER,
        _SITE,
        Column("started_at", MOMENT, "Start of the transcript.", "startTime"),
        Column("status", TEXT, "available, deleted, or unlisted (ours).", "status"),
        Column("deleted_at", MOMENT, "When a deletion was proven; NULL while it is not."),
        Column(
            "deletion_proof",
            TEXT,
            "What proved it: event, listing (with that status) or not_found (404 or 410 by id).",
        ),
        Column("snippet_count", INT, "Rows of it in transcript_snippets; NULL while not fetched."),
        *_FETCHED,
    ),
)

TRANSCRIPT_SNIPPETS = Table(
    "transcript_snippets",
    "One row for each thing said: who, what, when.",
    key=("snippet_id",),
    sort=("meeting_id", "transcript_id", "snippet_index"),
    bloom=("meeting_id", "transcript_id"),
    partition=_DATE,
    columns=(
        Column("snippet_id", TEXT, "Id of the snippet; unique.", "id"),
        Column("transcript_id", TEXT, "Id of its transcript."),
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column("snippet_index", INT, "Place in the transcript, from 0."),
        Column("text", TEXT, "What was said.", "text", personal=True),
        Column("person_name", TEXT, "Who said it.", "personName", personal=True),
        *_email("person_email", "E-mail address of the speaker.", "personEmail"),
        Column(
            "offset_ms",
            INT,
            "Milliseconds from the transcript's start.",
            "offsetMillisecond",
            aliases=("offset",),
        ),
        Column(
            "duration_ms",
            INT,
            "Length, in milliseconds.",
            "durationMillisecond",
            aliases=("duration",),
        ),
        Column("started_at", MOMENT, "Start of the transcript plus offset_ms."),
        Column("source", TEXT, "snippets (the API's) or vtt (read from the VTT file)."),
        *_FETCHED,
    ),
)

MEETING_SUMMARIES = Table(
    "meeting_summaries",
    "One row for each summary of a meeting; empty unless [fetch] summaries is switched on.",
    key=("summary_id",),
    sort=("meeting_id", "summary_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("summary_id", TEXT, "Id of the summary; unique.", "id"),
        _MEETING_ID,
        Column("status", TEXT, "available or deleted.", "status"),
        Column("notes", TEXT, "The summary, as plain text.", "notes", personal=True),
        Column(
            "action_items", TEXTS, "What is to be done, as texts.", "actionItems", personal=True
        ),
        *_FETCHED,
    ),
)

FETCH_LEDGER = Table(
    "fetch_ledger",
    "For each meeting and resource: what was asked, what came, what is due.",
    key=("meeting_id", "resource", "resource_id"),
    sort=("meeting_id", "resource", "resource_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column(
            "resource",
            TEXT,
            "Table that the answer fills; meeting for title, names and flags of a meeting.",
        ),
        Column(
            "resource_id", TEXT, "Empty for lists; the transcript's id for transcript_snippets."
        ),
        Column("status", TEXT, "ready, waiting, absent, forbidden, gone or failed."),
        Column("settled", FLAG, "It is not asked again unless something opens it."),
        Column("reason", TEXT, "Why the status is what it is; a closed set of codes."),
        Column("row_count", INT, "Rows that the lake holds for this pair."),
        Column("attempts", INT, "Answers so far."),
        Column("failures", INT, "Passing faults in a row since the last definite answer."),
        Column(
            "first_failed_at",
            MOMENT,
            "First of these faults; after 7 days the pair settles as failed.",
        ),
        Column("event_count", INT, "Webhook events that opened the pair so far."),
        Column("opened_at", MOMENT, "Moment from which the attempts count."),
        Column("opened_by", TEXT, "end (the meeting's end), event, refetch or retry."),
        Column("first_attempt_at", MOMENT, "First answer."),
        Column("last_attempt_at", MOMENT, "Latest answer."),
        Column(
            "covered_until",
            MOMENT,
            "What came later the latest answer could not show; NULL when it showed all till then.",
        ),
        Column("next_attempt_at", MOMENT, "When it is asked next; NULL when settled."),
        Column(
            "http_status",
            INT,
            "Status code of the latest answer; where a VTT file stands in, that of the refusal.",
        ),
        Column("run_id", TEXT, "Run that asked last."),
        _EXTRA,
    ),
)

WEBHOOK_EVENTS = Table(
    "webhook_events",
    "One row for each line of the webhook logs that is a webhook payload.",
    key=("log_id", "byte_offset"),
    sort=(),
    bloom=("meeting_id",),
    appended=True,
    group_rows=4_096,
    partition=_RECEIVED_DATE,
    columns=(
        Column("log_id", TEXT, "Id of the log, kept when the file is moved or compressed."),
        Column("byte_offset", INT, "Where the line begins, in uncompressed bytes."),
        Column("log_file", TEXT, "Path of the log below webhook_logs when it was read."),
        Column("line_number", INT, "Number of the line, from 1."),
        Column("received_at", MOMENT, "When it was received; NULL when the log does not say."),
        Column("resource", TEXT, "meetings, recordings, meetingParticipants, meetingTranscripts."),
        Column("event", TEXT, "created, updated, deleted, started, ended, joined or left."),
        Column("meeting_id", TEXT, "Id of the meeting instance; NULL when it names none."),
        Column("resource_id", TEXT, "data.id: the id of what the event is about."),
        Column("meeting_ended_at", MOMENT, "End that a meetings/ended event tells."),
        Column("body", TEXT, "The payload as JSON text, secrets removed.", personal=True),
        _EXTRA,
    ),
)

REJECTED_LINES = Table(
    "rejected_lines",
    "One row for each line of the webhook logs that is not usable, and why.",
    key=("log_id", "byte_offset"),
    sort=(),
    appended=True,
    group_rows=4_096,
    partition=_RECEIVED_DATE,
    columns=(
        Column("log_id", TEXT, "Id of the log, kept when the file is moved or compressed."),
        Column("byte_offset", INT, "Where the line begins, in uncompressed bytes."),
        Column("log_file", TEXT, "Path of the log below webhook_logs when it was read."),
        Column("line_number", INT, "Number of the line, from 1."),
        Column("reason", TEXT, "Code of the reason, from a closed set."),
        Column("detail", TEXT, "The reason in words; never quotes the line."),
        Column("byte_length", INT, "Length of the line, in bytes, without its newline."),
        Column("line_sha256", TEXT, "SHA-256 of the line, in hex."),
        _EXTRA,
    ),
)

INGESTED_LOGS = Table(
    "ingested_logs",
    "One row for each webhook log: how far it was read.",
    key=("log_id",),
    sort=("log_file", "log_id"),
    appended=True,
    partition=None,
    columns=(
        Column("log_id", TEXT, "Id of the log; unique."),
        Column("log_file", TEXT, "Path below webhook_logs where it was seen last."),
        Column("bytes_consumed", INT, "Uncompressed bytes read so far."),
        Column("lines", INT, "Lines read so far, blank ones too."),
        Column("events", INT, "Rows of it in webhook_events."),
        Column("rejected", INT, "Rows of it in rejected_lines."),
        Column("size", INT, "Size of the file when it was opened last, in bytes."),
        Column("mtime", INT, "Its modification time then, in nanoseconds since 1970."),
        Column(
            "digests",
            pa.struct([("head", TEXT), ("tail", TEXT)]),
            "SHA-256 of the first and the last (at most) 64 KiB consumed.",
        ),
        Column("last_date", pa.date32(), "Date of the latest dated line, for those without one."),
        Column("problem", TEXT, "What hindered reading at the last attempt; NULL when nothing."),
        Column("updated_at", MOMENT, "When this row was written."),
        _EXTRA,
    ),
)

AUTO_RECORD_ACTIONS = Table(
    "auto_record_actions",
    "One row for each meeting that was created: whether it is to be recorded, and what was done.",
    key=("meeting_id",),
    sort=("meeting_id",),
    bloom=("meeting_id",),
    partition=Column(
        "date", pa.date32(), "UTC date on which the created event was received; the partition."
    ),
    columns=(
        Column("meeting_id", TEXT, "Id of the series or of the scheduled meeting; unique."),
        *_email("host_email", "E-mail address of the host.", None),
        Column("site_url", TEXT, "Webex site of the meeting."),
        Column("title", TEXT, "Title; NULL when it was not asked for.", personal=True),
        Column(
            "policy_line", TEXT, "Line of [auto_record] that it matches, `hosts: …`.", personal=True
        ),
        Column("policy_id", TEXT, "Digest of the lines by which it was judged."),
        Column("before", FLAG, "Was recorded automatically; NULL when it was not asked."),
        Column("after", FLAG, "Is recorded automatically since; NULL when nothing was changed."),
        Column(
            "result",
            TEXT,
            "switched_on, already_on, would_switch_on, no_match, over, personal_room, ad_hoc, "
            "refused, not_found; or, to be tried again, switching or failed.",
        ),
        Column("reason", TEXT, "Why it was refused or failed; a closed set of codes."),
        Column("http_status", INT, "Status code of the latest answer; NULL without one."),
        Column("dry_run", FLAG, "Decided without changing anything at Webex."),
        Column("attempts", INT, "Times that it was tried."),
        Column("decided_at", MOMENT, "When the row was written."),
        Column("next_attempt_at", MOMENT, "When it is tried next; NULL when it is decided."),
        Column("run_id", TEXT, "Run that decided it."),
        _EXTRA,
    ),
)

_FILE = (
    Column("path", TEXT, "Path below the data folder; the file is gone when removed_at is set."),
    Column("bytes", INT, "Size of the file, in bytes."),
    Column("sha256", TEXT, "SHA-256 of the file, in hex."),
)
_REMOVED = (
    Column("removed_at", MOMENT, "When the file was removed here; NULL while it is there."),
    Column("removed_because", TEXT, "deleted (at Webex, proven) or pruned."),
)

RECORDING_FILES = Table(
    "recording_files",
    "One row for each file of a recording that was downloaded to media/; switched on by recordings "
    "in [downloads].",
    key=("recording_id", "kind"),
    sort=("meeting_id", "recording_id", "kind"),
    bloom=("meeting_id", "recording_id"),
    partition=_DATE,
    columns=(
        Column("recording_id", TEXT, "Id of the recording."),
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column("kind", TEXT, "video, audio or transcript."),
        *_FILE,
        Column(
            "told_bytes",
            INT,
            "Size that Webex told of the recording, which a video should have; NULL for others.",
        ),
        *_REMOVED,
        *_FETCHED,
    ),
)

TRANSCRIPT_FILES = Table(
    "transcript_files",
    "One row for each file of a transcript that was downloaded to transcripts/; switched on by "
    "transcripts in [downloads].",
    key=("transcript_id", "format"),
    sort=("meeting_id", "transcript_id", "format"),
    bloom=("meeting_id", "transcript_id"),
    partition=_DATE,
    columns=(
        Column("transcript_id", TEXT, "Id of the transcript."),
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column("format", TEXT, "vtt or txt."),
        *_FILE,
        *_REMOVED,
        *_FETCHED,
    ),
)

ORPHANS = Table(
    "orphans",
    "One row for each meeting instance that events tell of and whose end nobody told: what came of "
    "asking for it by its id.",
    key=("meeting_id",),
    sort=("meeting_id",),
    partition=None,
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance; unique."),
        Column("first_seen_at", MOMENT, "When it was first found to have no end."),
        Column("asked_at", MOMENT, "When it was asked for last."),
        Column("attempts", INT, "Times that it was asked for."),
        Column("http_status", INT, "Status code of the latest answer; NULL without one."),
        Column("next_attempt_at", MOMENT, "When it is asked for next; NULL when it is settled."),
        Column("settled", FLAG, "Its end is known by now, or it is not asked for any more."),
        Column("outcome", TEXT, "found, not_ended, not_own, refused or fault; NULL before."),
        Column("run_id", TEXT, "Run that asked last."),
        _EXTRA,
    ),
)

MEETING_INDEX = Table(
    "meeting_index",
    "Which received days speak of a meeting and on which days it is said to have ended; derived "
    "from webhook_events and reconciled meetings, made again when it is missing, no part of the "
    "catalog.",
    key=("meeting_id", "received_date", "date"),
    sort=("meeting_id", "received_date", "date"),
    group_rows=2_048,
    partition=Column("shard", TEXT, "Hash of meeting_id, 00 to 3f; tail: the newest of all."),
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column(
            "received_date", pa.date32(), "Partition of webhook_events; NULL for Webex's listing."
        ),
        Column("date", pa.date32(), "UTC date of the end that was told; NULL when none was."),
    ),
)

# The tables that analysts see.
SPEAKER_METRICS = Table(
    "speaker_metrics",
    "One row for each speaker of a meeting: how long, how much and when, without any words; made "
    "of transcript_snippets. For insight into meetings, not for decisions on employment.",
    key=("meeting_id", "speaker"),
    sort=("meeting_id", "speaker"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column("speaker", TEXT, "person; empty for the speakers without a name.", personal=True),
        Column(
            "person",
            TEXT,
            "Key of the person as in attendance; name: and the name of a speaker who is no "
            "participant; NULL for speakers without a name, who are one row.",
            personal=True,
        ),
        Column(
            "display_name",
            TEXT,
            "Name shown in the meeting, else as in the transcript.",
            personal=True,
        ),
        Column(
            "method",
            TEXT,
            "How the person was found: email, name, ambiguous, unmatched or unknown (see "
            "speakers); of several the first of these.",
        ),
        Column("source", TEXT, "snippets, vtt or both: where the words are from."),
        Column("snippets", INT, "Number of snippets."),
        Column(
            "untimed_snippets", INT, "Snippets without an offset or a length; they add no time."
        ),
        Column(
            "words",
            INT,
            "Words, parted by white space; NULL while no snippet's words can be counted.",
        ),
        Column(
            "uncounted_snippets",
            INT,
            "Snippets whose words are not counted: without text, or in a script without spaces "
            "(Chinese, Japanese, Thai …).",
        ),
        Column("questions", INT, "Question marks, several in a row as one; NULL without text."),
        Column(
            "talk_seconds",
            NUMBER,
            "Time spoken: the union on the clock over all transcripts that are not deleted, "
            "clipped to the meeting; NULL while no snippet has a time.",
        ),
        Column(
            "share_of_speech",
            NUMBER,
            "talk_seconds over that of all speakers of the meeting, each by itself, 0 to 1; NULL "
            "for speakers without a name.",
        ),
        Column(
            "share_of_meeting",
            NUMBER,
            "talk_seconds over the meeting's duration, 0 to 1; NULL for speakers without a name.",
        ),
        Column(
            "covered_seconds",
            NUMBER,
            "Part of the meeting that its transcripts cover, each from its first to its last "
            "snippet.",
        ),
        Column(
            "share_of_covered",
            NUMBER,
            "talk_seconds over covered_seconds, 0 to 1; NULL for speakers without a name.",
        ),
        Column(
            "words_per_minute",
            NUMBER,
            "Words over the time of the snippets that they are counted of.",
        ),
        Column("turns", INT, "Stretches in which nobody else began to speak."),
        Column("switches", INT, "Turns that were taken from somebody else."),
        Column(
            "longest_monologue_seconds",
            NUMBER,
            "Longest stretch in which nobody else began to speak and no silence of one's own "
            "lasted more than 2 seconds.",
        ),
        Column(
            "patience_seconds",
            NUMBER,
            "Median silence between another's turn and one's own; 0 where one began before its "
            "end; NULL for who never followed anybody.",
        ),
        Column(
            "overlap_seconds", NUMBER, "Part of talk_seconds in which somebody else spoke as well."
        ),
        Column("definition", TEXT, "Digest of the definition by which the row was made."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        MEETINGS,
        RECORDINGS,
        PARTICIPANTS,
        TRANSCRIPTS,
        TRANSCRIPT_SNIPPETS,
        MEETING_SUMMARIES,
        FETCH_LEDGER,
        WEBHOOK_EVENTS,
        REJECTED_LINES,
        INGESTED_LOGS,
        AUTO_RECORD_ACTIONS,
        RECORDING_FILES,
        TRANSCRIPT_FILES,
        ORPHANS,
        SPEAKER_METRICS,
    )
}

# Fields that are never kept, at whatever depth and whatever their case: with them one can enter a
# meeting, watch or download a recording, or act as the user (docs/webex-api-notes.md).
SECRET_FIELDS = frozenset(
    """
    password hostKey phoneAndVideoSystemPassword panelistPassword
    phoneAndVideoSystemPanelistPassword
    accessCode registration webLink registerLink sipAddress dialInIpAddress telephony
    temporaryDirectDownloadLinks recordingDownloadLink audioDownloadLink transcriptDownloadLink
    secret access_token refresh_token client_secret accessToken refreshToken clientSecret
    Authorization joinLink
    """.split()
)
# Links that let anyone watch or download; dropped unless store_links is switched on.
LINK_FIELDS = frozenset({"playbackUrl", "downloadUrl"})
LINK_COLUMNS = frozenset({"playback_url", "download_url"})
# Fields that are known and kept in `extra`, which therefore do not count as unknown.
FIELDS_IN_EXTRA = frozenset(
    """
    agenda roomId isModified integrationTags
    hasChat hasSummary hasClosedCaption hasPolls hasQA hasSlido
    hasRegistration hasRegistrants hasPostEventSurvey
    meetingStartTime breakoutSessionId
    """.split()
)
# Fields with a column elsewhere or of no use, which therefore do not count as unknown.
IGNORED_FIELDS = frozenset({"vttDownloadLink", "txtDownloadLink", "phoneNumber"})
