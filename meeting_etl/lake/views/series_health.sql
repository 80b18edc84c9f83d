-- How recurring meetings develop: one row per series that took place more than once. An occurrence that was started twice counts once.
-- meeting_series_id: Id of the meeting series.
-- title: Title of the latest occurrence that has one.
-- occurrences: Occurrences that took place.
-- instances: Meeting instances in which they took place.
-- first_date: UTC date of the first occurrence.
-- last_date: UTC date of the latest occurrence.
-- attendees: Mean number of persons who were inside, over the occurrences whose participants are here; for one that was started twice, the larger number.
-- first_attendees: Attendees of the first occurrence; NULL while its participants are not here.
-- last_attendees: Attendees of the latest occurrence; NULL while its participants are not here.
-- duration_seconds: Mean duration.
-- late_share: Share of attendances that began more than 5 minutes late.
CREATE VIEW series_health AS
WITH late AS (
    SELECT date, meeting_id, count(*) FILTER (late) AS late, count(*) FILTER (late IS NOT NULL) AS timed
    FROM attendance
    WHERE present
    GROUP BY date, meeting_id
),
occurrence AS (
    SELECT
        m.meeting_series_id,
        coalesce(m.scheduled_meeting_id, CAST(coalesce(m.local_date, m.date) AS VARCHAR)) AS occurrence,
        count(*) AS instances,
        min(m.date) AS date,
        max(m.attendees) AS attendees,
        CAST(sum(m.duration_seconds) AS DOUBLE) AS duration_seconds,
        sum(l.late) AS late,
        sum(l.timed) AS timed,
        min(m.started_at) AS started_at,
        first(m.title ORDER BY m.title IS NULL, m.started_at DESC NULLS LAST, m.meeting_id) AS title
    FROM (
        SELECT o.*, s.scheduled_meeting_id
        FROM meeting_overview o
        JOIN meetings s USING (date, meeting_id)
    ) m
    LEFT JOIN late l USING (date, meeting_id)
    WHERE m.meeting_series_id IS NOT NULL AND NOT m.is_webinar
    GROUP BY m.meeting_series_id, coalesce(m.scheduled_meeting_id, CAST(coalesce(m.local_date, m.date) AS VARCHAR))
)
SELECT
    meeting_series_id,
    first(title ORDER BY title IS NULL, date DESC, started_at DESC NULLS LAST, occurrence DESC) AS title,
    count(*) AS occurrences,
    CAST(sum(instances) AS BIGINT) AS instances,
    min(date) AS first_date,
    max(date) AS last_date,
    avg(attendees) AS attendees,
    first(attendees ORDER BY date, started_at NULLS LAST, occurrence) AS first_attendees,
    first(attendees ORDER BY date DESC, started_at DESC NULLS LAST, occurrence DESC) AS last_attendees,
    avg(duration_seconds) AS duration_seconds,
    CAST(sum(late) AS DOUBLE) / nullif(CAST(sum(timed) AS DOUBLE), 0) AS late_share
FROM occurrence
GROUP BY meeting_series_id
HAVING count(*) > 1
