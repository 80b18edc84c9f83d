"""Every table and column, named once.

Belongs here: names, types, comments, keys, sort order, partitioning, the API field that a column is
read from, whether it is personal, and the fields that are never stored. Does not: reading values
from items (pipeline/rows.py), writing files (lake/lake.py).
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

# Loaded when used: Dagster's definitions are made of the tables, but read none.
if TYPE_CHECKING:
    import pyarrow as pa

# Partitions begin here; Webex reports no meeting that ended before.
FIRST_DAY = date(2015, 1, 1)

# Kinds of columns; Column.type is what each is in Arrow.
TEXT = "string"
INT = "int64"
NUMBER = "double"
FLAG = "bool"
DAY = "date32[day]"
MOMENT = "timestamp[us, tz=UTC]"
TEXTS = "list<string>"
STRUCT = "struct"
STRUCTS = "list<struct>"

# What is personal in a column: Column.personal. Treatments by the policy: privacy/policy.py.
ADDRESS = "address"
NAME = "name"
IDENTIFIER = "identifier"
FREE_TEXT = "free text"
# JSON text of an object, whose fields are treated one by one.
FIELDS = "fields"
# Computed from other columns, which the policy treats.
DERIVED = "derived"


@dataclass(frozen=True)
class Column:
    """One column. `field` is the API field it is read from, None for a value of our own.

    `aliases` are older names of that field. `children` are the fields of the structs. `personal`:
    what in it is personal; empty when nothing is.
    """

    name: str
    kind: str
    comment: str
    field: str | None = None
    personal: str = ""
    aliases: tuple[str, ...] = ()
    children: tuple["Column", ...] = ()

    @cached_property
    def type(self) -> "pa.DataType":
        """The Arrow type."""
        import pyarrow as pa

        struct = pa.struct([(child.name, child.type) for child in self.children])
        return {
            TEXT: pa.string(),
            INT: pa.int64(),
            NUMBER: pa.float64(),
            FLAG: pa.bool_(),
            DAY: pa.date32(),
            MOMENT: pa.timestamp("us", tz="UTC"),
            TEXTS: pa.list_(pa.string()),
            STRUCT: struct,
            STRUCTS: pa.list_(struct),
        }[self.kind]


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    `partition` is the column that is the folder (`date=…`) and not in the file; None for a table
    without partitions. `sort` is the order of rows in a file, `bloom` the columns that have a bloom
    filter. A partition is a file, part 0, and as many more as it needs: new rows go to the newest
    part until it has `part_rows`. `group_rows` is the size of a row group: small where few rows are
    looked up.
    """

    name: str
    comment: str
    key: tuple[str, ...]
    sort: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: Column | None
    bloom: tuple[str, ...] = ()
    part_rows: int = 24_576
    group_rows: int = 122_880

    @cached_property
    def schema(self) -> "pa.Schema":
        """The Arrow schema of a file."""
        import pyarrow as pa

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


def _email(name: str, comment: str, field: str | None) -> tuple[Column, Column]:
    """A column with an e-mail address and one with its domain."""
    return (
        Column(name, TEXT, comment, field, personal=ADDRESS),
        Column(f"{name}_domain", TEXT, f"Domain of {name}, in lower case."),
    )


_DATE = Column("date", DAY, "UTC date on which the meeting ended; the partition.")
_RECEIVED_DATE = Column(
    "received_date",
    DAY,
    "UTC date of received_at; without one, of the meeting's end, or of the nearest earlier line of "
    "the log that has a date; the partition.",
)
_MEETING_ID = Column(
    "meeting_id", TEXT, "Id of the meeting instance, <series>_I_<number>.", "meetingId"
)
_SERIES_ID = Column("meeting_series_id", TEXT, "Id of the meeting series.", "meetingSeriesId")
_SCHEDULED_ID = Column(
    "scheduled_meeting_id", TEXT, "Id of the scheduled occurrence.", "scheduledMeetingId"
)
_SITE = Column("site_url", TEXT, "Webex site of the meeting.", "siteUrl")
_HOST_USER = Column("host_user_id", TEXT, "Id of the host.", "hostUserId", personal=IDENTIFIER)
_NO_COLUMN = "JSON text of fields without a column; NULL when there are none."
_EXTRA = Column("extra", TEXT, _NO_COLUMN)
_EXTRA_OF_ITEM = Column("extra", TEXT, _NO_COLUMN, personal=FIELDS)
_FETCHED = (
    Column("run_id", TEXT, "Id of the run that fetched the row."),
    Column("fetched_at", MOMENT, "When the response with this row arrived."),
    _EXTRA_OF_ITEM,
)


# meetings.origin of meetings without an ended event.
RECONCILED = "reconciled"

MEETINGS = Table(
    "meetings",
    "One row per meeting instance that ended, from webhook events or from Webex's listings.",
    key=("meeting_id",),
    sort=("meeting_id",),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("meeting_id", TEXT, "Id of the instance, <series>_I_<number>; unique.", "id"),
        _SERIES_ID,
        _SCHEDULED_ID,
        Column("meeting_number", TEXT, "Number people dial or type to join.", "meetingNumber"),
        Column("title", TEXT, "Title of the meeting.", "title", personal=FREE_TEXT),
        Column("meeting_type", TEXT, "meetingType of Webex; always meeting.", "meetingType"),
        Column(
            "scheduled_type",
            TEXT,
            "meeting, webinar, or, where an event said so, personalRoomMeeting: Webex lists ended "
            "meetings in personal rooms as meeting.",
            "scheduledType",
        ),
        Column("state", TEXT, "State in the latest event: ended.", "state"),
        Column("timezone", TEXT, "Time zone the meeting was scheduled in.", "timezone"),
        Column("started_at", MOMENT, "Actual start.", "start"),
        Column("ended_at", MOMENT, "Actual end; its UTC date is the partition.", "end"),
        Column("duration_seconds", INT, "ended_at minus started_at, in seconds."),
        _HOST_USER,
        *_email("host_email", "E-mail address of the host.", "hostEmail"),
        Column("host_display_name", TEXT, "Name of the host.", "hostDisplayName", personal=NAME),
        _SITE,
        Column("org_id", TEXT, "UUID of the organization.", "orgId"),
        Column("has_recording", FLAG, "Was recorded, according to Webex.", "hasRecording"),
        Column(
            "has_transcription", FLAG, "Has a transcript, according to Webex.", "hasTranscription"
        ),
        Column(
            "first_received_at",
            MOMENT,
            "When the first ended event was received; NULL without one.",
        ),
        Column(
            "delivery_count",
            INT,
            "Ended events received for the meeting, duplicates included; 0 when it was reconciled.",
        ),
        Column(
            "origin", TEXT, "webhook, or reconciled: found in a listing, without an ended event."
        ),
        Column("run_id", TEXT, "Id of the run that fetched title, names and flags; else NULL."),
        Column("fetched_at", MOMENT, "When the API returned the meeting; NULL until then."),
        _EXTRA_OF_ITEM,
    ),
)

RECORDINGS = Table(
    "recordings",
    "One row per recording of a meeting.",
    key=("recording_id",),
    sort=("meeting_id", "recording_id"),
    bloom=("meeting_id", "recording_id"),
    partition=_DATE,
    columns=(
        Column("recording_id", TEXT, "Id of the recording; unique.", "id"),
        _MEETING_ID,
        _SCHEDULED_ID,
        _SERIES_ID,
        Column("topic", TEXT, "Topic of the recording.", "topic", personal=FREE_TEXT),
        Column("created_at", MOMENT, "When the file was created, after the meeting.", "createTime"),
        Column("recorded_at", MOMENT, "When recording began.", "timeRecorded"),
        _SITE,
        Column("format", TEXT, "MP4, ARF, UPLOADED …", "format"),
        Column("service_type", TEXT, "MeetingCenter, EventCenter …", "serviceType"),
        Column("duration_seconds", INT, "Length, in seconds.", "durationSeconds"),
        Column("size_bytes", INT, "Size of the file, in bytes.", "sizeBytes"),
        Column(
            "share_to_me", FLAG, "Shared with the token's user, who does not own it.", "shareToMe"
        ),
        Column("integration_tags", TEXTS, "Tags of integrations.", "integrationTags"),
        Column(
            "status",
            TEXT,
            "available, deleted, purged, or unlisted (no longer listed, deletion not proven).",
            "status",
        ),
        Column("deleted_at", MOMENT, "When the deletion was proven; NULL while it is not."),
        Column(
            "deletion_proof",
            TEXT,
            "Proof of the deletion: event, listing (with that status) or not_found (404 or 410).",
        ),
        *_email("host_email", "E-mail address of the host.", "hostEmail"),
        Column(
            "playback_url",
            TEXT,
            "Link to watch the recording; NULL unless store_links is on.",
            "playbackUrl",
        ),
        Column(
            "download_url",
            TEXT,
            "Link to download the recording; NULL unless store_links is on.",
            "downloadUrl",
        ),
        *_FETCHED,
    ),
)

PARTICIPANTS = Table(
    "participants",
    "One row per participant of a meeting; every join is an entry of devices.",
    key=("meeting_id", "participant_id"),
    sort=("meeting_id", "participant_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        _MEETING_ID,
        Column("participant_id", TEXT, "Id of the participant; unique within the meeting.", "id"),
        *_email("email", "E-mail address; NULL for guests and phones.", "email"),
        Column("display_name", TEXT, "Name shown in the meeting.", "displayName", personal=NAME),
        Column("host", FLAG, "Was the host.", "host"),
        Column("co_host", FLAG, "Was a co-host.", "coHost"),
        Column(
            "space_moderator", FLAG, "Moderates the Webex space of the meeting.", "spaceModerator"
        ),
        Column("invitee", FLAG, "Was invited.", "invitee"),
        Column("muted", FLAG, "Was muted when last seen.", "muted"),
        Column("video", TEXT, "Video when last seen: on or off.", "video"),
        Column("state", TEXT, "lobby, joined, end or breakoutSession.", "state"),
        Column("joined_at", MOMENT, "First join; NULL while unknown.", "joinedTime"),
        Column("left_at", MOMENT, "Last leave; NULL while unknown.", "leftTime"),
        Column(
            "devices",
            STRUCTS,
            "One entry per join with a device.",
            "devices",
            children=(
                Column("correlation_id", TEXT, "Id of the join.", "correlationId"),
                Column("device_type", TEXT, "Kind of device.", "deviceType"),
                Column("audio_type", TEXT, "pstn, voip or inactive.", "audioType"),
                Column("call_type", TEXT, "callIn or callBack.", "callType"),
                Column("joined_at", MOMENT, "When the device joined.", "joinedTime"),
                Column("left_at", MOMENT, "When the device left.", "leftTime"),
                Column(
                    "duration_seconds", INT, "Time in the meeting, in seconds.", "durationSecond"
                ),
            ),
        ),
        Column("device_count", INT, "Number of entries in devices."),
        Column(
            "breakout_sessions",
            STRUCTS,
            "Breakout sessions that the participant attended.",
            "breakoutSessionsAttended",
            children=(
                Column("id", TEXT, "Id of the breakout session.", "id"),
                Column("name", TEXT, "Name of the breakout session.", "name", personal=FREE_TEXT),
                Column("joined_at", MOMENT, "When the participant joined it.", "joinedTime"),
                Column("left_at", MOMENT, "When the participant left it.", "leftTime"),
            ),
        ),
        _SITE,
        *_email("host_email", "E-mail address of the host.", "hostEmail"),
        Column("source_id", TEXT, "Source of the invitation, as Webex has it.", "sourceId"),
        *_FETCHED,
    ),
)

INVITEES = Table(
    "invitees",
    "One row per person who was invited to a meeting; empty unless invitees in [fetch] is on.",
    key=("meeting_id", "invitee_id"),
    sort=("meeting_id", "invitee_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        _MEETING_ID,
        Column("invitee_id", TEXT, "Id of the invitee; unique within the meeting.", "id"),
        *_email("email", "E-mail address that was invited.", "email"),
        Column("display_name", TEXT, "Name in the invitation.", "displayName", personal=NAME),
        Column("co_host", FLAG, "May host in the host's place.", "coHost"),
        Column("panelist", FLAG, "Is a panelist, of a webinar.", "panelist"),
        *_FETCHED,
    ),
)

TRANSCRIPTS = Table(
    "transcripts",
    "One row per transcript of a meeting.",
    key=("transcript_id",),
    sort=("meeting_id", "transcript_id"),
    bloom=("meeting_id", "transcript_id"),
    partition=_DATE,
    columns=(
        Column("transcript_id", TEXT, "Id of the transcript; unique.", "id"),
        _MEETING_ID,
        _SCHEDULED_ID,
        _SERIES_ID,
        Column("meeting_topic", TEXT, "Topic of the meeting.", "meetingTopic", personal=FREE_TEXT),
        _HOST_USER,
        _SITE,
        Column("started_at", MOMENT, "Start of the transcript.", "startTime"),
        Column(
            "status",
            TEXT,
            "available, deleted, or unlisted (no longer listed, deletion not proven).",
            "status",
        ),
        Column("deleted_at", MOMENT, "When the deletion was proven; NULL while it is not."),
        Column(
            "deletion_proof",
            TEXT,
            "Proof of the deletion: event, listing (with that status) or not_found (404 or 410).",
        ),
        Column(
            "snippet_count", INT, "Its rows in transcript_snippets; NULL until they are fetched."
        ),
        *_FETCHED,
    ),
)

TRANSCRIPT_SNIPPETS = Table(
    "transcript_snippets",
    "One row per snippet of a transcript: who said what, when.",
    key=("snippet_id",),
    sort=("meeting_id", "transcript_id", "snippet_index"),
    bloom=("meeting_id", "transcript_id"),
    partition=_DATE,
    columns=(
        Column("snippet_id", TEXT, "Id of the snippet; unique.", "id"),
        Column("transcript_id", TEXT, "Id of its transcript."),
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column("snippet_index", INT, "Position in the transcript, from 0."),
        Column("text", TEXT, "What was said.", "text", personal=FREE_TEXT),
        Column(
            "words",
            INT,
            "Words of the text, separated by white space; NULL without text, and in a script "
            "without spaces (Chinese, Japanese, Thai …). Stays where the text is not stored.",
        ),
        Column(
            "questions",
            INT,
            "Question marks in the text, several in a row counted once; NULL without text. Stays "
            "where the text is not stored.",
        ),
        Column("person_name", TEXT, "Name of the speaker.", "personName", personal=NAME),
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
        Column("source", TEXT, "snippets (from the API) or vtt (read from the VTT file)."),
        *_FETCHED,
    ),
)

MEETING_SUMMARIES = Table(
    "meeting_summaries",
    "One row per summary of a meeting; empty unless summaries in [fetch] is on.",
    key=("summary_id",),
    sort=("meeting_id", "summary_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("summary_id", TEXT, "Id of the summary; unique.", "id"),
        _MEETING_ID,
        Column("status", TEXT, "available or deleted.", "status"),
        Column("notes", TEXT, "The summary as plain text.", "notes", personal=FREE_TEXT),
        Column("action_items", TEXTS, "Action items, as texts.", "actionItems", personal=FREE_TEXT),
        *_FETCHED,
    ),
)

FETCH_LEDGER = Table(
    "fetch_ledger",
    "One row per work item: the state of each resource of each meeting, and when it is due.",
    key=("meeting_id", "resource", "resource_id"),
    sort=("meeting_id", "resource", "resource_id"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column(
            "resource",
            TEXT,
            "Table that the response fills; meeting for title, names and flags of the meeting; "
            "vtt_snippets for words from a VTT file, in transcript_snippets.",
        ),
        Column(
            "resource_id",
            TEXT,
            "Id of the item that is fetched by itself (transcript, recording); empty for lists.",
        ),
        Column("status", TEXT, "ready, waiting, absent, forbidden, gone or failed."),
        Column("settled", FLAG, "Finished: not fetched again unless it is reopened."),
        Column("reason", TEXT, "Reason of the status; a closed set of codes."),
        Column("row_count", INT, "Rows of this work item in the lake."),
        Column("attempts", INT, "Responses so far."),
        Column("failures", INT, "Consecutive transient errors since the last definite response."),
        Column(
            "first_failed_at",
            MOMENT,
            "First of these errors; after 7 days of them the work item settles as failed.",
        ),
        Column(
            "events_seen",
            TEXT,
            "Webhook events that opened it, as JSON: [[log_id, byte_offset], …]; NULL without any.",
        ),
        Column("opened_at", MOMENT, "Start of the attempt schedule."),
        Column("opened_by", TEXT, "What started it: end (of the meeting) or event."),
        Column("first_attempt_at", MOMENT, "First response."),
        Column("last_attempt_at", MOMENT, "Latest response."),
        Column(
            "covered_until",
            MOMENT,
            "The latest response shows nothing later than this; NULL when it has no such limit.",
        ),
        Column("next_attempt_at", MOMENT, "When it is fetched next; NULL when settled."),
        Column("account", TEXT, "Account whose token got the latest response."),
        Column("http_status", INT, "Status code of the latest response."),
        Column("run_id", TEXT, "Id of the latest run that fetched it."),
        _EXTRA,
    ),
)

# webhook_events.resource of events that change a meeting's rows; those of participants, two per
# person and meeting, do not.
FOLDED = ("meetings", "recordings", "meetingTranscripts")

WEBHOOK_EVENTS = Table(
    "webhook_events",
    "One row per webhook event: a line of the webhook logs that is a webhook payload.",
    key=("log_id", "byte_offset"),
    sort=(),
    bloom=("meeting_id",),
    part_rows=4_096,
    group_rows=4_096,
    partition=_RECEIVED_DATE,
    columns=(
        Column("log_id", TEXT, "Id of the log; stays when the file is moved or compressed."),
        Column("byte_offset", INT, "Offset of the line in the uncompressed log, in bytes."),
        Column("log_file", TEXT, "Path of the log below webhook_logs when the line was read."),
        Column("line_number", INT, "Line number, from 1."),
        Column(
            "received_at",
            MOMENT,
            "When the event was received; NULL when the log has no time for it.",
        ),
        Column("resource", TEXT, "meetings, recordings, meetingParticipants, meetingTranscripts."),
        Column("event", TEXT, "created, updated, deleted, started, ended, joined or left."),
        Column("meeting_id", TEXT, "Id of the meeting instance; NULL when the event has none."),
        Column("resource_id", TEXT, "data.id: id of the object that the event is about."),
        Column("meeting_ended_at", MOMENT, "End of the meeting, from a meetings/ended event."),
        Column("body", TEXT, "The payload as JSON text, without secrets.", personal=FIELDS),
        _EXTRA,
    ),
)

REJECTED_LINES = Table(
    "rejected_lines",
    "One row per rejected line: a line of the webhook logs that is not usable, with the reason.",
    key=("log_id", "byte_offset"),
    sort=(),
    part_rows=4_096,
    group_rows=4_096,
    partition=_RECEIVED_DATE,
    columns=(
        Column("log_id", TEXT, "Id of the log; stays when the file is moved or compressed."),
        Column("byte_offset", INT, "Offset of the line in the uncompressed log, in bytes."),
        Column("log_file", TEXT, "Path of the log below webhook_logs when the line was read."),
        Column("line_number", INT, "Line number, from 1."),
        Column("reason", TEXT, "Reason of the rejection; a closed set of codes."),
        Column("detail", TEXT, "The reason in a sentence; never quotes the line."),
        Column("byte_length", INT, "Length of the line without its newline, in bytes."),
        Column("line_sha256", TEXT, "SHA-256 of the line, in hex."),
        _EXTRA,
    ),
)

INGESTED_LOGS = Table(
    "ingested_logs",
    "One row per webhook log: how far it was read.",
    key=("log_id",),
    sort=("log_file", "log_id"),
    part_rows=4_096,
    partition=None,
    columns=(
        Column("log_id", TEXT, "Id of the log; unique."),
        Column("log_file", TEXT, "Path below webhook_logs where it was last seen."),
        Column("bytes_consumed", INT, "Uncompressed bytes read so far."),
        Column("lines", INT, "Lines read so far, blank ones included."),
        Column("events", INT, "Its rows in webhook_events."),
        Column("rejected", INT, "Its rows in rejected_lines."),
        Column("size", INT, "Size of the file when it was last opened, in bytes."),
        Column("mtime", INT, "Modification time of the file then, in nanoseconds since 1970."),
        Column(
            "digests",
            STRUCT,
            "SHA-256 of the first and last 64 KiB (at most) of the bytes consumed.",
            children=(
                Column("head", TEXT, "Of the first 64 KiB."),
                Column("tail", TEXT, "Of the last 64 KiB."),
            ),
        ),
        Column(
            "last_date",
            DAY,
            "Date of the latest line that has one; lines without a date get it.",
        ),
        Column("problem", TEXT, "Why the latest read stopped early; NULL when it did not."),
        Column("updated_at", MOMENT, "When this row was written."),
        _EXTRA,
    ),
)

AUTO_RECORD_ACTIONS = Table(
    "auto_record_actions",
    "One row per created meeting: whether [auto_record] names it, and what was done.",
    key=("meeting_id",),
    sort=("meeting_id",),
    bloom=("meeting_id",),
    partition=Column(
        "date", DAY, "UTC date on which the created event was received; the partition."
    ),
    columns=(
        Column("meeting_id", TEXT, "Id of the series or of the scheduled meeting; unique."),
        *_email("host_email", "E-mail address of the host.", None),
        Column("site_url", TEXT, "Webex site of the meeting."),
        Column("title", TEXT, "Title; NULL when it was not fetched.", personal=FREE_TEXT),
        Column(
            "policy_line",
            TEXT,
            "Pattern of [auto_record] that matched, `hosts: …`.",
            personal=FREE_TEXT,
        ),
        Column("policy_id", TEXT, "Digest of the patterns that were applied."),
        Column("before", FLAG, "Recorded automatically before; NULL when that was not fetched."),
        Column("after", FLAG, "Recorded automatically afterwards; NULL when nothing was changed."),
        Column(
            "result",
            TEXT,
            "switched_on, already_on, would_switch_on, no_match, over, personal_room, ad_hoc, "
            "refused, not_found; switching or failed are retried.",
        ),
        Column("reason", TEXT, "Reason of a refusal or failure; a closed set of codes."),
        Column("http_status", INT, "Status code of the latest response; NULL without one."),
        Column("dry_run", FLAG, "Decided without changing anything at Webex."),
        Column("attempts", INT, "Attempts so far."),
        Column("decided_at", MOMENT, "When the row was written."),
        Column("next_attempt_at", MOMENT, "When it is tried next; NULL when it is decided."),
        Column("run_id", TEXT, "Id of the run that decided it."),
        _EXTRA,
    ),
)

_FILE = (
    Column("path", TEXT, "Path below the data folder; when removed_at is set, the file is gone."),
    Column("bytes", INT, "Size of the file, in bytes."),
    Column("sha256", TEXT, "SHA-256 of the file, in hex."),
)
_REMOVED = (
    Column("removed_at", MOMENT, "When the file was removed here; NULL while it exists."),
    Column("removed_because", TEXT, "deleted (at Webex, proven), pruned or erased."),
)

RECORDING_FILES = Table(
    "recording_files",
    "One row per recording file downloaded to media/; empty unless recordings in [downloads] is "
    "on.",
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
            "Size of the recording according to Webex, for a video; NULL for other files.",
        ),
        *_REMOVED,
        *_FETCHED,
    ),
)

TRANSCRIPT_FILES = Table(
    "transcript_files",
    "One row per transcript file downloaded to transcripts/; empty unless transcripts in "
    "[downloads] is on.",
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
    "One row per meeting instance that events mention and for which no ended event arrived: the "
    "outcome of looking it up by id.",
    key=("meeting_id",),
    sort=("meeting_id",),
    partition=None,
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance; unique."),
        Column("first_seen_at", MOMENT, "When its end was first found to be missing."),
        Column("asked_at", MOMENT, "Latest lookup."),
        Column("attempts", INT, "Lookups so far."),
        Column("http_status", INT, "Status code of the latest response; NULL without one."),
        Column("next_attempt_at", MOMENT, "Next lookup; NULL when it is settled."),
        Column("settled", FLAG, "Its end is known, or it is not looked up any more."),
        Column(
            "outcome",
            TEXT,
            "found, not_ended, not_own, refused or fault; NULL before the first lookup.",
        ),
        Column("run_id", TEXT, "Id of the latest run that fetched it."),
        _EXTRA,
    ),
)

ERASURES = Table(
    "erasures",
    "One row per person or meeting that was erased here: the proof, without any name.",
    key=("erasure",),
    sort=("erasure",),
    partition=None,
    columns=(
        Column("erasure", TEXT, "What stands in the place of the person: erased:<n>; unique."),
        Column("subject", TEXT, "What was erased: person or meeting."),
        Column("digest", TEXT, "Keyed hash of the address or of the meeting's id."),
        Column("began_at", MOMENT, "When the erasure began."),
        Column("finished_at", MOMENT, "When everything was erased; NULL before that."),
        Column("rows_changed", INT, "Rows in which something was replaced, over all tables."),
        Column("rows_removed", INT, "Rows that were removed, over all tables."),
        Column("files_removed", INT, "Files that were removed: media, transcripts, reports."),
        Column("log_lines", INT, "Lines of raw webhook logs that were changed; 0 without --logs."),
        Column("run_id", TEXT, "Id of the run that erased it."),
        _EXTRA,
    ),
)

MEETING_INDEX = Table(
    "meeting_index",
    "Received dates of each meeting's events, and the dates on which it ended according to them; "
    "derived from webhook_events and reconciled meetings, rebuilt when it is missing, not in the "
    "catalog.",
    key=("meeting_id", "received_date", "date"),
    sort=("meeting_id", "received_date", "date"),
    group_rows=2_048,
    partition=Column("shard", TEXT, "Hash of meeting_id, 00 to 3f; tail: the newest rows."),
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column(
            "received_date",
            DAY,
            "Partition of webhook_events; NULL for a listing of Webex.",
        ),
        Column("date", DAY, "UTC date of the end in the event; NULL without one."),
    ),
)

SPEAKER_METRICS = Table(
    "speaker_metrics",
    "One row per speaker of a meeting: talk in numbers, without any words; computed from "
    "transcript_snippets. For insight into meetings, not for decisions on employment.",
    key=("meeting_id", "speaker"),
    sort=("meeting_id", "speaker"),
    bloom=("meeting_id",),
    partition=_DATE,
    columns=(
        Column("meeting_id", TEXT, "Id of the meeting instance."),
        Column(
            "speaker",
            TEXT,
            "person, or an empty text for speakers without a name.",
            personal=DERIVED,
        ),
        Column(
            "person",
            TEXT,
            "Key of the person as in attendance; `name:` and the name for a speaker who is not a "
            "participant; NULL for all speakers without a name, who share one row.",
            personal=DERIVED,
        ),
        Column(
            "display_name",
            TEXT,
            "Name shown in the meeting, else the one in the transcript.",
            personal=DERIVED,
        ),
        Column(
            "email_domain",
            TEXT,
            "Domain of the person's address, in lower case; kept where the address is not.",
        ),
        Column(
            "method",
            TEXT,
            "How the person was identified: email, name, ambiguous, unmatched or unknown (see "
            "speakers); the first of these that a snippet has.",
        ),
        Column("source", TEXT, "Source of the words: snippets, vtt or both."),
        Column("snippets", INT, "Number of snippets."),
        Column("untimed_snippets", INT, "Snippets without an offset or length; they add no time."),
        Column(
            "words",
            INT,
            "Words separated by white space; NULL when no snippet's words can be counted.",
        ),
        Column(
            "uncounted_snippets",
            INT,
            "Snippets whose words are not counted: without text, or in a script without spaces "
            "(Chinese, Japanese, Thai …).",
        ),
        Column(
            "questions", INT, "Question marks, several in a row counted once; NULL without text."
        ),
        Column(
            "talk_seconds",
            NUMBER,
            "Time spoken, in seconds: the union of the person's snippets over all transcripts that "
            "are not deleted, clipped to the meeting; NULL when no snippet has a time.",
        ),
        Column(
            "share_of_speech",
            NUMBER,
            "talk_seconds divided by the sum over all speakers of the meeting, 0 to 1; NULL for "
            "speakers without a name.",
        ),
        Column(
            "share_of_meeting",
            NUMBER,
            "talk_seconds divided by the meeting's duration, 0 to 1; NULL for speakers without a "
            "name.",
        ),
        Column(
            "covered_seconds",
            NUMBER,
            "Part of the meeting that its transcripts cover, each from its first to its last "
            "snippet, in seconds.",
        ),
        Column(
            "share_of_covered",
            NUMBER,
            "talk_seconds divided by covered_seconds, 0 to 1; NULL for speakers without a name.",
        ),
        Column(
            "words_per_minute",
            NUMBER,
            "Words per minute, over the snippets whose words are counted and that have a time.",
        ),
        Column("turns", INT, "Stretches in which nobody else began to speak."),
        Column("switches", INT, "Turns that followed a turn of another speaker."),
        Column(
            "longest_monologue_seconds",
            NUMBER,
            "Longest stretch in which nobody else began to speak and the person paused for at most "
            "2 seconds.",
        ),
        Column(
            "patience_seconds",
            NUMBER,
            "Median silence before the person's turns that followed another speaker, in seconds; "
            "0 where they began before that speaker had ended; NULL without such turns.",
        ),
        Column("overlap_seconds", NUMBER, "Part of talk_seconds in which somebody else spoke too."),
        Column("definition", TEXT, "Digest of the definition by which the row was computed."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        MEETINGS,
        RECORDINGS,
        PARTICIPANTS,
        INVITEES,
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
        ERASURES,
    )
}

# Fields that are never stored, at any depth and in any case: with them anyone can enter a
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
# Fields that are stored in `extra` and do not count as unknown.
FIELDS_IN_EXTRA = frozenset(
    """
    agenda roomId isModified integrationTags
    hasChat hasSummary hasClosedCaption hasPolls hasQA hasSlido
    hasRegistration hasRegistrants hasPostEventSurvey
    meetingStartTime breakoutSessionId
    """.split()
)
# Fields that are never stored and do not count as unknown.
IGNORED_FIELDS = frozenset({"vttDownloadLink", "txtDownloadLink", "phoneNumber"})
