WITH local AS (
{local}),
shown AS (
    SELECT date, meeting_id, person, coalesce(display_name, email, person) AS name, side, attended_seconds
    FROM attendance
    WHERE meeting_id = $meeting_id AND present
    ORDER BY attended_seconds DESC NULLS LAST, person
    LIMIT 60
),
labelled AS (
    SELECT
        *,
        CASE WHEN count(*) OVER (PARTITION BY name) > 1 THEN name || ' (' || person || ')' ELSE name END AS label
    FROM shown
)
SELECT
    s.label AS person,
    s.side,
    strftime(timezone('UTC', p.joined_at) + l.from_utc, '%Y-%m-%dT%H:%M:%SZ') AS "from",
    strftime(timezone('UTC', p.left_at) + l.from_utc, '%Y-%m-%dT%H:%M:%SZ') AS "to",
    round((epoch(p.left_at) - epoch(p.joined_at)) / 60, 1) AS minutes
FROM labelled s
JOIN presence p USING (date, meeting_id, person)
JOIN local l USING (date, meeting_id)
WHERE p.why_not IS NULL AND p.joined_at IS NOT NULL AND p.left_at IS NOT NULL
ORDER BY s.attended_seconds DESC NULLS LAST, s.person, p.joined_at
