-- What was said: each snippet with these words, newest day first, with the lines around it in the same transcript, 50 on each side at most. search_transcripts(words, since, until, around := 2); since and until are dates of the column date, both included, NULL for no bound. Case and accents do not matter, a blank is any white space, every sign that is seen is itself; words need not be whole. ø, ß and ł are letters of their own. Blank words find nothing. Transcripts that were deleted at Webex are left out.
CREATE MACRO search_transcripts(words, since, until, around := 2) AS TABLE
WITH hits AS MATERIALIZED (
    SELECT date, meeting_id, transcript_id, snippet_index, started_at, offset_ms, person_name, person_email, text
    FROM transcript_snippets
    WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')
        -- RE2 finds a letter of one case three times as fast as a letter of any case. So where the words have a Greek or Cyrillic letter with two cases and no accented forms, the rest of the words from there on is looked for first, once for each case.
        AND CASE
            WHEN coalesce(
                regexp_matches(text, [lower(rest[2]) || '(?i:' || rest[4:] || ')' FOR rest IN [{cased_rest}]][1])
                OR regexp_matches(text, [upper(rest[2]) || '(?i:' || rest[4:] || ')' FOR rest IN [{cased_rest}]][1]),
                true
            ) THEN regexp_matches(text, '(?i)' || nullif({pattern}, ''))
        END
),
places AS (
    SELECT date, transcript_id, snippet_index, unnest(range(-greatest(0, least(50, coalesce(CAST(around AS BIGINT), 0))), greatest(0, least(50, coalesce(CAST(around AS BIGINT), 0))) + 1)) AS place
    FROM hits
),
-- The day's bounds stand at each table: a join does not leave files out.
lines AS (
    SELECT
        p.date,
        p.transcript_id,
        p.snippet_index,
        list(coalesce(s.person_name || ': ', '') || s.text ORDER BY p.place) FILTER (p.place < 0) AS before,
        list(coalesce(s.person_name || ': ', '') || s.text ORDER BY p.place) FILTER (p.place > 0) AS after
    FROM places p
    JOIN (SELECT date, transcript_id, snippet_index, person_name, text FROM transcript_snippets WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')) s
        ON s.date = p.date AND s.transcript_id = p.transcript_id AND s.snippet_index = p.snippet_index + p.place
    WHERE p.place <> 0 AND s.text IS NOT NULL
    GROUP BY p.date, p.transcript_id, p.snippet_index
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
    coalesce(l.before, []) AS before,
    coalesce(l.after, []) AS after,
    f.transcript_id,
    f.snippet_index
FROM hits f
LEFT JOIN lines l ON l.date = f.date AND l.transcript_id = f.transcript_id AND l.snippet_index = f.snippet_index
LEFT JOIN (SELECT * FROM meetings WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')) m ON m.date = f.date AND m.meeting_id = f.meeting_id
LEFT JOIN (SELECT * FROM transcripts WHERE date BETWEEN coalesce(CAST(since AS DATE), DATE '-infinity') AND coalesce(CAST(until AS DATE), DATE 'infinity')) t ON t.date = f.date AND t.transcript_id = f.transcript_id
WHERE t.status IS DISTINCT FROM 'deleted'
ORDER BY f.date DESC, f.meeting_id, f.transcript_id, f.snippet_index
