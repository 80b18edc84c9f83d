WITH local AS (
{local}),
snippet AS (
    SELECT
        x.date,
        x.meeting_id,
        s.person,
        coalesce(s.side, 'unknown') AS side,
        coalesce(s.display_name, x.person_name, s.person, 'speakers without a name') AS name,
        x.started_at,
        x.started_at + to_milliseconds(x.duration_ms) AS ended_at
    FROM transcript_snippets x
    JOIN transcripts t USING (date, meeting_id, transcript_id)
    LEFT JOIN speakers s
        ON s.date = x.date
        AND s.meeting_id = x.meeting_id
        AND s.person_name IS NOT DISTINCT FROM x.person_name
        AND s.person_email IS NOT DISTINCT FROM x.person_email
    WHERE x.meeting_id = $meeting_id
        AND t.status IS DISTINCT FROM 'deleted'
        AND x.started_at IS NOT NULL
        AND x.duration_ms > 0
),
labelled AS (
    SELECT
        *,
        CASE
            WHEN count(DISTINCT person) OVER (PARTITION BY name) > 1 THEN name || ' (' || coalesce(person, '?') || ')'
            ELSE name
        END AS label
    FROM snippet
),
begun AS (
    SELECT
        *,
        coalesce(started_at > INTERVAL 2 SECONDS + max(ended_at) OVER (
            PARTITION BY label
            ORDER BY started_at, ended_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), true) AS begins
    FROM labelled
),
numbered AS (
    SELECT
        *,
        sum(CAST(begins AS INT)) OVER (
            PARTITION BY label
            ORDER BY started_at, ended_at
            ROWS UNBOUNDED PRECEDING
        ) AS number
    FROM begun
),
bar AS (
    SELECT
        date,
        meeting_id,
        label,
        any_value(side) AS side,
        min(started_at) AS started_at,
        max(ended_at) AS ended_at
    FROM numbered
    GROUP BY date, meeting_id, label, number
),
ranked AS (
    SELECT *, sum(epoch(ended_at) - epoch(started_at)) OVER (PARTITION BY label) AS spoken_seconds
    FROM bar
)
SELECT
    r.label AS speaker,
    r.side,
    strftime(timezone('UTC', r.started_at) + l.from_utc, '%Y-%m-%dT%H:%M:%SZ') AS "from",
    strftime(timezone('UTC', r.ended_at) + l.from_utc, '%Y-%m-%dT%H:%M:%SZ') AS "to",
    round(epoch(r.ended_at) - epoch(r.started_at), 1) AS seconds
FROM ranked r
JOIN local l USING (date, meeting_id)
QUALIFY dense_rank() OVER (ORDER BY r.spoken_seconds DESC, r.label) <= 40
ORDER BY r.spoken_seconds DESC, r.label, r.started_at
