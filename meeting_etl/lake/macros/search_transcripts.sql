-- What was said: each snippet with these words, newest day first, with the lines around it in the same transcript, 50 on each side at most. search_transcripts(words, since, until, around := 2); since and until are dates of the column date, both included, NULL for no bound. Case and accents do not matter, a blank is any white space, every sign is itself; words need not be whole. ø, ß and ł are letters of their own. Blank words find nothing. Transcripts that were deleted at Webex are left out.
CREATE MACRO search_transcripts(words, since, until, around := 2) AS TABLE
-- In a script with accents a letter stands for all of its accented forms, with or without combining marks (all of \p{Mn} would make the pattern too large). The pattern is computed from constants, so that DuckDB does it once.
WITH hits AS (
    SELECT date, transcript_id, snippet_index
    FROM transcript_snippets
    WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')
        AND regexp_matches(text, '(?i)' || nullif(array_to_string([
            CASE
                WHEN letter = ' ' THEN '[\s\p{Z}\x0b\x{85}]+'
                WHEN regexp_matches(letter, '[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}]')
                    THEN '[' || letter || regexp_extract({accented_letters}, '[^ ]*' || letter || '[^ ]*') || '][\x{300}-\x{36f}\x{591}-\x{5bd}\x{5bf}-\x{5c2}\x{64b}-\x{65f}\x{670}]*'
                ELSE regexp_escape(letter)
            END
            FOR letter IN regexp_extract_all(
                regexp_replace(
                    trim(regexp_replace(nfc_normalize(CAST(words AS VARCHAR)), '[\s\p{Z}\x0b\x{85}]+', ' ', 'g')),
                    '([\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{Mn}+', '\1', 'g'
                ),
                '(?s).'
            )
        ], ''), ''))
),
wanted AS (
    SELECT *, unnest(range(-greatest(0, least(50, coalesce(CAST(around AS BIGINT), 0))), greatest(0, least(50, coalesce(CAST(around AS BIGINT), 0))) + 1)) AS place
    FROM hits
),
-- The day's bounds stand at each table: a join does not leave files out.
found AS (
    SELECT
        w.date,
        w.transcript_id,
        w.snippet_index,
        any_value(s.meeting_id) FILTER (w.place = 0) AS meeting_id,
        any_value(s.started_at) FILTER (w.place = 0) AS started_at,
        any_value(s.offset_ms) FILTER (w.place = 0) AS offset_ms,
        any_value(s.person_name) FILTER (w.place = 0) AS person_name,
        any_value(s.person_email) FILTER (w.place = 0) AS person_email,
        any_value(s.text) FILTER (w.place = 0) AS text,
        list(coalesce(s.person_name || ': ', '') || s.text ORDER BY w.place) FILTER (w.place < 0 AND s.text IS NOT NULL) AS before,
        list(coalesce(s.person_name || ': ', '') || s.text ORDER BY w.place) FILTER (w.place > 0 AND s.text IS NOT NULL) AS after
    FROM wanted w
    JOIN (SELECT * FROM transcript_snippets WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')) s
        ON s.date = w.date AND s.transcript_id = w.transcript_id AND s.snippet_index = w.snippet_index + w.place
    GROUP BY w.date, w.transcript_id, w.snippet_index
    -- A day may be replaced between the two readings.
    HAVING bool_or(w.place = 0)
)
SELECT
    f.date,
    f.meeting_id,
    m.title,
    coalesce(
        f.started_at,
        m.started_at + CASE WHEN f.offset_ms BETWEEN -1000000000000 AND 1000000000000 THEN to_milliseconds(f.offset_ms) END
    ) AS said_at,
    f.person_name,
    f.person_email,
    f.text,
    coalesce(f.before, []) AS before,
    coalesce(f.after, []) AS after,
    f.transcript_id,
    f.snippet_index
FROM found f
LEFT JOIN (SELECT * FROM meetings WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')) m ON m.date = f.date AND m.meeting_id = f.meeting_id
LEFT JOIN (SELECT * FROM transcripts WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')) t ON t.date = f.date AND t.transcript_id = f.transcript_id
WHERE t.status IS DISTINCT FROM 'deleted'
ORDER BY f.date DESC, f.meeting_id, f.transcript_id, f.snippet_index
