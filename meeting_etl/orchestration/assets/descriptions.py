"""What the page of each table's asset says, in Markdown, for people who are new here.

Belongs here: the rows' source, their timing, how to fetch them again. Does not:
what a row is (the comments in schemas.py), views (lake/views/).
"""

_REPEAT = (
    "**Repeat:** materializing a day fetches what is due and nothing that is settled. To fetch "
    "settled work items, too, reopen them with the job `reopen`, or `meeting-etl retry`."
)
_SCHEDULE = (
    "15 minutes, 1, 6, 24 and 72 hours after the meeting's end (`[settling]`), and again after a "
    "webhook event about it"
)

DESCRIPTIONS = {
    "webhook_events": """\
**Source:** the webhook logs in `webhook_logs/`, which the receiver writes or you put there. New
lines are ingested within a minute; a line is read once.

**Timing:** a line belongs to the UTC day on which it was received, not to the day of its meeting.

**Repeat:** never needed; the logs are the record. Delete `lake/` and run, and all events return.
Lines that are no usable events are in `rejected_lines`; how far each log was read is in
`ingested_logs`. The same step writes both.""",
    "auto_record_actions": """\
**Source:** `webhook_events` about created meetings. Where `[auto_record]` names the host, site or
title, recording is switched on at Webex.

**Timing:** a meeting that could not be decided on is tried again by the next runs.

**Repeat:** a decided meeting is not touched again. Off unless `[auto_record]` has patterns.""",
    "meetings": f"""\
**Source:** the `ended` events in `webhook_events`, reduced to one row per meeting; title, names and
flags from Webex. Meetings without a webhook event are added by `reconciled_meetings`.

**Timing:** a partition is the UTC day on which the meeting *ended*. When a later event corrects the
end, all rows of the meeting move to the new day.

{_REPEAT}""",
    "recordings": f"""\
**Source:** Webex's list of recordings, for each meeting.

**Timing:** {_SCHEDULE}: recordings are ready minutes to days after a meeting. A recording that is
no longer listed stays, as `unlisted` or, with a proof, `deleted`.

{_REPEAT}""",
    "participants": f"""\
**Source:** Webex's list of participants, for each meeting.

**Timing:** complete at the earliest 15 minutes after the end, when Webex knows all times; tried
again until then.

{_REPEAT}""",
    "invitees": f"""\
**Source:** Webex's list of invitees, for each meeting. Off unless `[fetch] invitees` is on; then
the days that you materialize are completed. Who attended is in `participants`.

**Timing:** once, 15 minutes after the meeting's end; where the list is empty, again.

{_REPEAT}""",
    "transcripts": f"""\
**Source:** Webex's list of transcripts, for each meeting; the words are in `transcript_snippets`.

**Timing:** {_SCHEDULE}.

{_REPEAT}""",
    "transcript_files": f"""\
**Source:** Webex's download of each transcript, stored below `transcripts/`. Off unless
`[downloads] transcripts` names formats; then the days that you materialize are completed.

{_REPEAT}""",
    "transcript_snippets": f"""\
**Source:** Webex's snippets of each transcript; where the token may not read them, the transcript's
VTT file (`source` is `vtt`).

**Timing:** as soon as the transcript is listed.

{_REPEAT}""",
    "meeting_summaries": f"""\
**Source:** Webex's AI summary of each meeting. Off unless `[fetch] summaries` is on.

**Timing:** {_SCHEDULE}.

{_REPEAT}""",
    "recording_files": f"""\
**Source:** downloads of each recording, stored below `media/`. Off unless `[downloads] recordings`
names kinds. Downloads take hours, so they have runs of their own.

{_REPEAT}""",
    "speaker_metrics": """\
**Source:** `transcript_snippets` and `participants`, computed here; no request to Webex.

**Timing:** with every change of a day's words, in the same run.

**Repeat:** materialize the day. After an upgrade that changes a definition, run
`meeting-etl migrate`.""",
    "fetch_ledger": """\
**Source:** the runs of days: written after the rows, in the same commit. The answer to "why is this
not here?" and to "when is it tried again?".

**Repeat:** the job `reopen` and `meeting-etl retry` make settled work items due.""",
    "rejected_lines": """\
**Source:** the step of `webhook_events`. No line is lost: each becomes an event or a row here.
`meeting-etl rejected` shows them with what to do.""",
    "ingested_logs": """\
**Source:** the step of `webhook_events`, which continues from here.""",
    "orphans": """\
**Source:** `reconciled_meetings`, which looks up meetings of which only other events arrived.
Those that are found are added to `meetings`.""",
    "reconciled_meetings": """\
Compares Webex's listing of ended meetings with the table `meetings`, and adds the missing ones with
origin `reconciled`: meetings for which no webhook event arrived. It writes into `meetings` and has
no table of its own.

**Timing:** runs every night for the last two days. The check `webhooks_complete` says whether so
many were missing that webhooks must be broken.

**Repeat:** materialize any days; meetings that are there already cost no request of their own. A
compliance officer's token cannot list meetings, so that nothing is compared.""",
}

# Where the code of each table is, below meeting_etl/.
CODE = {
    "webhook_events": "pipeline/ingest/ingest.py",
    "auto_record_actions": "pipeline/auto_record/auto_record.py",
    "meetings": "pipeline/meetings/fold.py",
    "recordings": "pipeline/resources/recordings.py",
    "participants": "pipeline/resources/participants.py",
    "invitees": "pipeline/resources/invitees.py",
    "transcripts": "pipeline/resources/transcripts.py",
    "transcript_files": "pipeline/resources/transcript_files.py",
    "transcript_snippets": "pipeline/resources/snippets.py",
    "meeting_summaries": "pipeline/resources/summaries.py",
    "recording_files": "pipeline/resources/recording_files.py",
    "speaker_metrics": "lake/metrics.sql",
    "fetch_ledger": "pipeline/ledger/ledger.py",
    "rejected_lines": "pipeline/ingest/rejected_lines.py",
    "ingested_logs": "webhook_logs/known_logs.py",
    "orphans": "pipeline/reconcile/events_without_meeting.py",
    "reconciled_meetings": "pipeline/reconcile/reconcile.py",
}
