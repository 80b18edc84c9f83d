-- One row per meeting: when and where it took place, in its local time, who attended, which resources are here, and which are missing and why.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- title: Title of the meeting.
-- scheduled_type: meeting, webinar, or, where an event said so, personalRoomMeeting: Webex lists ended meetings in personal rooms as meeting.
-- is_webinar: Is a webinar, whose audience is not that of a meeting.
-- meeting_series_id: Id of the meeting series.
-- host_email: E-mail address of the host.
-- host_email_domain: Domain of host_email, in lower case.
-- timezone: Time zone the meeting was scheduled in.
-- started_at: Start, UTC.
-- ended_at: End, UTC.
-- duration_seconds: Duration, in seconds.
-- local_started_at: Start in the meeting's time zone; NULL while that is unknown.
-- local_date: Date of local_started_at.
-- iso_week: ISO week of local_date, as in 2026-W10.
-- attendees: Persons who were inside; NULL without participants whose times are known.
-- internal_attendees: Internal attendees.
-- external_attendees: External attendees.
-- unknown_attendees: Attendees on an unknown side: guests and phones without an address.
-- attended_seconds: Sum of the attendees' time, as far as it is known.
-- no_shows: Invited persons who were not inside, as far as addresses show: one without an address may be among unknown_attendees. NULL unless invitees were fetched and participants are complete.
-- attendance_rate: Share of the invited persons who were inside, 0 to 1; NULL as no_shows.
-- recorded: Has a recording that is not deleted.
-- transcribed: Has a transcript that is not deleted.
-- missing: Reason by resource that is not here; NULL when nothing is missing.
CREATE VIEW meeting_overview AS
WITH people AS (
    SELECT
        date,
        meeting_id,
        count(*) FILTER (present) AS attendees,
        count(*) FILTER (present AND side = 'internal') AS internal_attendees,
        count(*) FILTER (present AND side = 'external') AS external_attendees,
        count(*) FILTER (present AND side = 'unknown') AS unknown_attendees,
        round(sum(attended_seconds), 6) AS attended_seconds
    FROM attendance
    GROUP BY date, meeting_id
    -- Without any time it is unknown whether anybody was inside.
    HAVING bool_or(present IS NOT NULL)
),
invited AS (
    SELECT
        date,
        meeting_id,
        count(*) FILTER (NOT attended) AS no_shows,
        avg(CAST(attended AS INTEGER)) AS attendance_rate
    FROM invitations
    GROUP BY date, meeting_id
    HAVING bool_or(attended IS NOT NULL)
),
recorded AS (
    SELECT date, meeting_id, true AS recorded
    FROM recordings
    WHERE status IS NULL OR status NOT IN ('deleted', 'purged')
    GROUP BY date, meeting_id
),
transcribed AS (
    SELECT date, meeting_id, true AS transcribed
    FROM transcripts
    WHERE status IS DISTINCT FROM 'deleted'
    GROUP BY date, meeting_id
),
items AS (
    -- What a work item lacks; the words of a transcript may be from its snippets or from its VTT file.
    SELECT
        date,
        meeting_id,
        replace(resource, 'vtt_snippets', 'transcript_snippets') AS resource,
        resource_id,
        min(coalesce(reason, status)) AS reason
    FROM fetch_ledger
    GROUP BY date, meeting_id, 3, resource_id
    HAVING NOT bool_or(status = 'ready')
),
missing AS (
    SELECT date, meeting_id, map_from_entries(list((resource, reason) ORDER BY resource)) AS missing
    FROM (
        SELECT date, meeting_id, resource, min(reason) AS reason
        FROM items
        GROUP BY date, meeting_id, resource
    )
    GROUP BY date, meeting_id
),
local AS (
    SELECT
        *,
        CASE WHEN list_contains({time_zones}, timezone) THEN timezone(timezone, started_at) END AS local_started_at
    FROM meetings
)
SELECT
    m.meeting_id,
    m.date,
    m.title,
    m.scheduled_type,
    coalesce(m.scheduled_type = 'webinar', false) AS is_webinar,
    m.meeting_series_id,
    m.host_email,
    m.host_email_domain,
    m.timezone,
    m.started_at,
    m.ended_at,
    m.duration_seconds,
    m.local_started_at,
    CAST(m.local_started_at AS DATE) AS local_date,
    strftime(CAST(m.local_started_at AS DATE), '%G-W%V') AS iso_week,
    p.attendees,
    p.internal_attendees,
    p.external_attendees,
    p.unknown_attendees,
    p.attended_seconds,
    i.no_shows,
    i.attendance_rate,
    coalesce(r.recorded, false) AS recorded,
    coalesce(t.transcribed, false) AS transcribed,
    x.missing
FROM local m
LEFT JOIN people p USING (date, meeting_id)
LEFT JOIN invited i USING (date, meeting_id)
LEFT JOIN recorded r USING (date, meeting_id)
LEFT JOIN transcribed t USING (date, meeting_id)
LEFT JOIN missing x USING (date, meeting_id)
