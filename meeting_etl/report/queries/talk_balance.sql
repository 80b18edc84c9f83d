WITH sides AS (
    SELECT
        date,
        meeting_id,
        sum(talk_seconds) FILTER (side = 'internal') AS internal,
        sum(talk_seconds) FILTER (side = 'external') AS external
    FROM speaker_metrics
    WHERE date BETWEEN $first AND $last
    GROUP BY date, meeting_id
)
SELECT
    least(CAST(floor(internal / (internal + external) * 10) AS INT), 9) * 10 AS percent_from,
    percent_from + 10 AS percent_to,
    count(*) AS meetings
FROM sides
JOIN meeting_overview USING (date, meeting_id)
WHERE internal > 0 AND external > 0 AND NOT is_webinar
GROUP BY ALL
ORDER BY ALL
