-- Who speaks after whom: one row per meeting and pair of persons. Webinars and speakers without a name are left out.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person_before: Key of the person who spoke first.
-- person: Key of the person who spoke next.
-- switches: How often that happened.
-- gap_seconds: Median silence between the two, in seconds; 0 where the second began before the first had ended.
CREATE VIEW turn_pairs AS
WITH said AS (
    SELECT
        s.date,
        s.meeting_id,
        k.person,
        s.transcript_id,
        s.snippet_index,
        m.started_at,
        m.ended_at,
        coalesce(
            s.started_at,
            m.started_at
                + CASE WHEN s.offset_ms BETWEEN -1000000000000 AND 1000000000000 THEN to_milliseconds(s.offset_ms) END
        ) AS begins_at,
        CASE WHEN s.duration_ms BETWEEN 0 AND 1000000000000 THEN to_milliseconds(s.duration_ms) END AS length
    FROM transcript_snippets s
    LEFT JOIN transcripts t USING (date, meeting_id, transcript_id)
    JOIN meetings m USING (date, meeting_id)
    JOIN speakers k
        ON k.date = s.date
        AND k.meeting_id = s.meeting_id
        AND k.person_name IS NOT DISTINCT FROM s.person_name
        AND k.person_email IS NOT DISTINCT FROM s.person_email
    WHERE t.status IS DISTINCT FROM 'deleted'
        AND m.scheduled_type IS DISTINCT FROM 'webinar'
),
reached AS (
    SELECT
        *,
        max(begins_at + length) OVER (
            PARTITION BY date, meeting_id, person ORDER BY begins_at, length, transcript_id, snippet_index
        ) AS reached_at
    FROM said
    WHERE begins_at IS NOT NULL
        AND length IS NOT NULL
        AND (started_at IS NULL OR begins_at >= started_at OR begins_at + length > started_at)
        AND (ended_at IS NULL OR begins_at < ended_at OR begins_at + length <= ended_at)
),
followed AS (
    SELECT
        date,
        meeting_id,
        person,
        lag(person) OVER in_order AS person_before,
        (epoch_us(begins_at) - epoch_us(lag(reached_at) OVER in_order)) / 1e6 AS gap_seconds
    FROM reached
    WINDOW in_order AS (
        PARTITION BY date, meeting_id ORDER BY begins_at, length, transcript_id, snippet_index
    )
)
SELECT
    meeting_id,
    date,
    person_before,
    person,
    count(*) AS switches,
    CAST(median(greatest(gap_seconds, 0)) AS DOUBLE) AS gap_seconds
FROM followed
WHERE person_before <> person
GROUP BY meeting_id, date, person_before, person
