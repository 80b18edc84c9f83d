-- Talk of each speaker of a day's meetings in numbers, from the day's meetings, transcripts, transcript_snippets and the view speakers: one row per meeting and person. Unknown values are NULL.
-- A negative length, one of decades and a start after the end are not believed.
WITH snippet AS (
    SELECT
        *,
        CASE WHEN offset_ms BETWEEN -1000000000000 AND 1000000000000 THEN to_milliseconds(offset_ms) END AS from_start,
        CASE WHEN duration_ms BETWEEN 0 AND 1000000000000 THEN to_milliseconds(duration_ms) END AS length
    FROM transcript_snippets
),
meeting AS (
    SELECT meeting_id, CASE WHEN started_at <= ended_at OR ended_at IS NULL THEN started_at END AS started_at, ended_at
    FROM meetings
),
said AS (
    SELECT
        s.meeting_id,
        s.transcript_id,
        s.snippet_index,
        s.source,
        s.words,
        s.questions,
        k.person,
        k.display_name,
        k.email_domain,
        k.method,
        m.started_at AS meeting_started_at,
        m.ended_at AS meeting_ended_at,
        s.length,
        -- In UTC; when the whole meeting has no times, relative to its transcripts.
        coalesce(
            s.started_at,
            m.started_at + s.from_start,
            CASE WHEN count(s.started_at) OVER (PARTITION BY s.meeting_id) = 0
                THEN TIMESTAMPTZ '1970-01-01 00:00:00+00' + s.from_start END
        ) AS said_at
    FROM snippet s
    LEFT JOIN transcripts t USING (meeting_id, transcript_id)
    LEFT JOIN meeting m USING (meeting_id)
    LEFT JOIN speakers k
        ON k.meeting_id = s.meeting_id
        AND k.person_name IS NOT DISTINCT FROM s.person_name
        AND k.person_email IS NOT DISTINCT FROM s.person_email
    WHERE t.status IS DISTINCT FROM 'deleted'
),
-- Clipped to the meeting. greatest() and least() ignore NULL.
clipped AS (
    SELECT
        *,
        CASE WHEN said_at IS NOT NULL AND length IS NOT NULL
            THEN least(greatest(said_at, meeting_started_at), meeting_ended_at) END AS begins_at,
        CASE WHEN said_at IS NOT NULL AND length IS NOT NULL
            THEN least(greatest(said_at + length, meeting_started_at), meeting_ended_at) END AS ends_at,
        coalesce(said_at < meeting_started_at AND said_at + length <= meeting_started_at, false)
            OR coalesce(said_at >= meeting_ended_at AND said_at + length > meeting_ended_at, false) AS is_outside
    FROM said
),
-- A snippet adds the time after the latest end of the person's snippets that began before it.
own AS (
    SELECT
        *,
        greatest(begins_at, max(ends_at) OVER (
            PARTITION BY meeting_id, person
            ORDER BY begins_at, ends_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )) AS adds_from
    FROM clipped
),
counted AS (
    SELECT
        meeting_id,
        person,
        first(
            display_name
            ORDER BY
                list_position(['email', 'name', 'ambiguous', 'unmatched', 'unknown'], method),
                ends_at - begins_at DESC NULLS LAST,
                display_name
        ) AS display_name,
        CASE WHEN min(email_domain) = max(email_domain) THEN min(email_domain) END AS email_domain,
        ['email', 'name', 'ambiguous', 'unmatched', 'unknown'][
            min(list_position(['email', 'name', 'ambiguous', 'unmatched', 'unknown'], method))
        ] AS method,
        CASE WHEN min(source) = max(source) THEN min(source) ELSE 'both' END AS source,
        count(*) AS snippets,
        count(*) FILTER (begins_at IS NULL) AS untimed_snippets,
        sum(words) AS words,
        sum(words) FILTER (begins_at IS NOT NULL) AS timed_words,
        sum(epoch_us(length)) FILTER (words IS NOT NULL AND begins_at IS NOT NULL) / 1e6 AS worded_seconds,
        count(*) FILTER (words IS NULL) AS uncounted_snippets,
        sum(questions) AS questions,
        sum(CASE WHEN begins_at IS NOT NULL THEN greatest(0, epoch_us(ends_at) - epoch_us(adds_from)) END) AS talk_us,
        any_value(meeting_started_at) AS meeting_started_at,
        any_value(meeting_ended_at) AS meeting_ended_at
    FROM own
    GROUP BY meeting_id, person
),
-- Overlap: the number of speakers between two moments at which one begins or ends; shared_until is the time with two or more before a moment.
moments AS (
    SELECT meeting_id, person, adds_from AS moment, 1 AS speakers FROM own WHERE ends_at > adds_from
    UNION ALL
    SELECT meeting_id, person, ends_at, -1 FROM own WHERE ends_at > adds_from
),
slices AS (
    SELECT
        *,
        CASE WHEN sum(speakers) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > 1
            THEN epoch_us(lead(moment) OVER in_order) - epoch_us(moment) ELSE 0 END AS shared_us
    FROM moments
    WINDOW in_order AS (PARTITION BY meeting_id ORDER BY moment, speakers, person)
),
shared AS (
    SELECT
        *,
        coalesce(sum(shared_us) OVER (
            PARTITION BY meeting_id ORDER BY moment, speakers, person ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS shared_until
    FROM slices
),
overlapped AS (
    SELECT meeting_id, person, sum(-speakers * shared_until) / 1e6 AS overlap_seconds
    FROM shared
    GROUP BY meeting_id, person
),
-- A turn lasts until somebody else speaks; a monologue also ends at a silence of more than 2 seconds.
ordered AS (
    SELECT
        meeting_id,
        person,
        begins_at,
        ends_at,
        lag(person) OVER in_order AS person_before,
        max(ends_at) OVER (
            PARTITION BY meeting_id, person ORDER BY begins_at, ends_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before_at,
        row_number() OVER in_order AS place
    FROM own
    -- Speech outside the meeting is not a turn.
    WHERE begins_at IS NOT NULL AND NOT is_outside
    WINDOW in_order AS (PARTITION BY meeting_id ORDER BY begins_at, ends_at, transcript_id, snippet_index)
),
numbered AS (
    SELECT
        *,
        sum(CAST(place = 1 OR person IS DISTINCT FROM person_before AS INT)) OVER in_order AS turn,
        sum(CAST(place = 1 OR person IS DISTINCT FROM person_before OR begins_at > ended_before_at + INTERVAL 2 SECOND AS INT)) OVER in_order AS monologue
    FROM ordered
    WINDOW in_order AS (PARTITION BY meeting_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
monologues AS (
    SELECT meeting_id, person, max(seconds) AS longest_monologue_seconds
    FROM (
        SELECT meeting_id, person, monologue, (epoch_us(max(ends_at)) - epoch_us(min(begins_at))) / 1e6 AS seconds
        FROM numbered
        GROUP BY meeting_id, person, monologue
    )
    GROUP BY meeting_id, person
),
turns AS (
    SELECT meeting_id, turn, any_value(person) AS person, min(begins_at) AS begins_at, max(ends_at) AS ends_at
    FROM numbered
    GROUP BY meeting_id, turn
),
taken AS (
    SELECT
        meeting_id,
        person,
        turn,
        (epoch_us(begins_at) - epoch_us(lag(ends_at) OVER (PARTITION BY meeting_id ORDER BY turn))) / 1e6 AS gap_seconds
    FROM turns
),
turned AS (
    SELECT
        meeting_id,
        person,
        count(*) AS turns,
        count(*) FILTER (turn > 1) AS switches,
        median(greatest(gap_seconds, 0)) FILTER (turn > 1) AS patience_seconds
    FROM taken
    GROUP BY meeting_id, person
),
-- What the transcripts cover, each from its first to its last snippet.
spans AS (
    SELECT meeting_id, transcript_id, min(begins_at) AS begins_at, max(ends_at) AS ends_at
    FROM own
    WHERE begins_at IS NOT NULL
    GROUP BY meeting_id, transcript_id
),
reached AS (
    SELECT
        *,
        max(ends_at) OVER (
            PARTITION BY meeting_id ORDER BY begins_at, ends_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_at
    FROM spans
),
covered AS (
    SELECT meeting_id, sum(greatest(0, epoch_us(ends_at) - epoch_us(greatest(begins_at, reached_at)))) / 1e6 AS covered_seconds
    FROM reached
    GROUP BY meeting_id
),
speech AS (
    SELECT meeting_id, sum(talk_us) / 1e6 AS speech_seconds FROM counted GROUP BY meeting_id
)
SELECT
    c.meeting_id,
    coalesce(c.person, '') AS speaker,
    c.person,
    c.display_name,
    c.email_domain,
    c.method,
    c.source,
    c.snippets,
    c.untimed_snippets,
    CAST(c.words AS BIGINT) AS words,
    c.uncounted_snippets,
    CAST(c.questions AS BIGINT) AS questions,
    CAST(c.talk_seconds AS DOUBLE) AS talk_seconds,
    CASE WHEN c.person IS NOT NULL THEN CAST(c.talk_seconds / nullif(s.speech_seconds, 0) AS DOUBLE) END AS share_of_speech,
    CASE WHEN c.person IS NOT NULL THEN
        CAST(c.talk_seconds / nullif((epoch_us(c.meeting_ended_at) - epoch_us(c.meeting_started_at)) / 1e6, 0) AS DOUBLE)
    END AS share_of_meeting,
    CAST(v.covered_seconds AS DOUBLE) AS covered_seconds,
    CASE WHEN c.person IS NOT NULL THEN CAST(c.talk_seconds / nullif(v.covered_seconds, 0) AS DOUBLE) END AS share_of_covered,
    CASE WHEN c.person IS NOT NULL AND c.worded_seconds > 0 THEN CAST(c.timed_words * 60 / c.worded_seconds AS DOUBLE) END AS words_per_minute,
    CASE WHEN c.person IS NOT NULL AND c.talk_seconds IS NOT NULL THEN coalesce(t.turns, 0) END AS turns,
    CASE WHEN c.person IS NOT NULL AND c.talk_seconds IS NOT NULL THEN coalesce(t.switches, 0) END AS switches,
    CASE WHEN c.person IS NOT NULL AND c.talk_seconds IS NOT NULL THEN
        CAST(coalesce(g.longest_monologue_seconds, 0) AS DOUBLE)
    END AS longest_monologue_seconds,
    CASE WHEN c.person IS NOT NULL THEN CAST(t.patience_seconds AS DOUBLE) END AS patience_seconds,
    CASE WHEN c.talk_seconds IS NOT NULL THEN CAST(coalesce(o.overlap_seconds, 0) AS DOUBLE) END AS overlap_seconds
FROM (SELECT *, talk_us / 1e6 AS talk_seconds FROM counted) c
LEFT JOIN speech s USING (meeting_id)
LEFT JOIN covered v USING (meeting_id)
LEFT JOIN overlapped o ON o.meeting_id = c.meeting_id AND o.person IS NOT DISTINCT FROM c.person
LEFT JOIN turned t ON t.meeting_id = c.meeting_id AND t.person IS NOT DISTINCT FROM c.person
LEFT JOIN monologues g ON g.meeting_id = c.meeting_id AND g.person IS NOT DISTINCT FROM c.person
ORDER BY c.meeting_id, speaker
