-- How long each person talked in each meeting: the union on the clock of what was said in all transcripts that are not deleted, clipped to the meeting; what two transcripts have both counts once. One row a meeting and person, and one with person NULL for speakers without a name. What is not known is NULL and counted beside it. For insight into meetings, not for decisions on employment.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person: Key of the person as in attendance; name: and the name of a speaker who is no participant; NULL for speakers without a name.
-- display_name: Name shown in the meeting, else as in the transcript.
-- side: internal, external or unknown, by the domain of the address.
-- method: How the person was found: email, name, ambiguous, unmatched or unknown (see speakers); of several the first of these.
-- snippets: Number of snippets.
-- untimed_snippets: Snippets without an offset or a length; they add no time.
-- words: Number of words, parted by white space; NULL while no snippet's words can be counted.
-- uncounted_snippets: Snippets whose words are not counted: without text, or in a script without spaces (Chinese, Japanese, Thai …).
-- talk_seconds: Time spoken, in seconds; NULL while no snippet has a time.
-- share_of_speech: talk_seconds over that of all speakers of the meeting, each by itself, 0 to 1; NULL for speakers without a name.
-- share_of_meeting: talk_seconds over the meeting's duration, 0 to 1; NULL for speakers without a name.
-- covered_seconds: Part of the meeting that its transcripts cover, each from its first to its last snippet, in seconds.
-- share_of_covered: talk_seconds over covered_seconds, 0 to 1; NULL for speakers without a name.
CREATE VIEW talk_time AS
-- No part is named twice: DuckDB would read all days.
WITH said AS (
    SELECT
        s.date,
        s.meeting_id,
        s.transcript_id,
        s.text,
        s.duration_ms,
        k.person,
        k.display_name,
        k.side,
        k.method,
        m.started_at AS meeting_started_at,
        m.ended_at AS meeting_ended_at,
        -- On the clock; without one on that of the transcript.
        coalesce(
            s.started_at,
            m.started_at + to_milliseconds(s.offset_ms),
            TIMESTAMPTZ '1970-01-01 00:00:00+00' + to_milliseconds(s.offset_ms)
        ) AS said_at
    FROM transcript_snippets s
    LEFT JOIN transcripts t USING (date, meeting_id, transcript_id)
    LEFT JOIN meetings m USING (date, meeting_id)
    LEFT JOIN speakers k
        ON k.date = s.date
        AND k.meeting_id = s.meeting_id
        AND k.person_name IS NOT DISTINCT FROM s.person_name
        AND k.person_email IS NOT DISTINCT FROM s.person_email
    WHERE t.status IS DISTINCT FROM 'deleted'
),
-- Clipped to the meeting. greatest() and least() pass over NULL.
clipped AS (
    SELECT
        *,
        CASE WHEN said_at IS NOT NULL AND duration_ms IS NOT NULL
            THEN least(greatest(said_at, meeting_started_at), meeting_ended_at) END AS begins_at,
        CASE WHEN said_at IS NOT NULL AND duration_ms IS NOT NULL
            THEN least(greatest(said_at + to_milliseconds(duration_ms), meeting_started_at), meeting_ended_at) END AS ends_at,
        regexp_matches(text, '[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]') AS is_unspaced
    FROM said
),
spans AS (
    SELECT
        *,
        min(begins_at) OVER of_the_transcript AS span_begins_at,
        max(ends_at) OVER of_the_transcript AS span_ends_at
    FROM clipped
    WINDOW of_the_transcript AS (
        PARTITION BY date, meeting_id, transcript_id
        ORDER BY begins_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
),
-- Something adds what lies beyond the latest end of all that began before it.
added AS (
    SELECT
        *,
        CASE WHEN begins_at IS NOT NULL THEN greatest(0, epoch(ends_at) - epoch(greatest(begins_at, max(ends_at) OVER (
            PARTITION BY date, meeting_id, person
            ORDER BY begins_at, ends_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )))) END AS added_seconds,
        CASE WHEN span_begins_at IS NOT NULL THEN greatest(0, epoch(span_ends_at) - epoch(greatest(span_begins_at, max(span_ends_at) OVER (
            PARTITION BY date, meeting_id
            ORDER BY span_begins_at, span_ends_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )))) END AS added_span_seconds
    FROM spans
),
talked AS (
    SELECT
        date,
        meeting_id,
        person,
        first(display_name ORDER BY ends_at - begins_at DESC NULLS LAST, display_name) AS display_name,
        any_value(side) AS side,
        ['email', 'name', 'ambiguous', 'unmatched', 'unknown'][
            min(list_position(['email', 'name', 'ambiguous', 'unmatched', 'unknown'], method))
        ] AS method,
        count(*) AS snippets,
        count(*) FILTER (begins_at IS NULL) AS untimed_snippets,
        CAST(sum(len(regexp_extract_all(text, '[^\s\p{Z}\x0b\x{85}]+'))) FILTER (NOT is_unspaced) AS BIGINT) AS words,
        count(*) FILTER (is_unspaced IS DISTINCT FROM false) AS uncounted_snippets,
        CAST(sum(added_seconds) AS DOUBLE) AS talk_seconds,
        sum(added_span_seconds) AS added_span_seconds,
        any_value(meeting_started_at) AS meeting_started_at,
        any_value(meeting_ended_at) AS meeting_ended_at
    FROM added
    GROUP BY date, meeting_id, person
),
whole AS (
    SELECT
        *,
        sum(talk_seconds) OVER of_the_meeting AS speech_seconds,
        CAST(sum(added_span_seconds) OVER of_the_meeting AS DOUBLE) AS covered_seconds
    FROM talked
    WINDOW of_the_meeting AS (
        PARTITION BY date, meeting_id
        ORDER BY person ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
)
SELECT
    meeting_id,
    date,
    person,
    display_name,
    side,
    method,
    snippets,
    untimed_snippets,
    words,
    uncounted_snippets,
    talk_seconds,
    CASE WHEN person IS NOT NULL THEN talk_seconds / nullif(speech_seconds, 0) END AS share_of_speech,
    CASE WHEN person IS NOT NULL THEN
        talk_seconds / nullif(CAST(epoch(meeting_ended_at) - epoch(meeting_started_at) AS DOUBLE), 0)
    END AS share_of_meeting,
    covered_seconds,
    CASE WHEN person IS NOT NULL THEN talk_seconds / nullif(covered_seconds, 0) END AS share_of_covered
FROM whole
