-- How long each person talked in each meeting, by its transcripts: the union of own snippet intervals, in seconds. share_of_speech divides by all that was spoken (each speaker's union, added up), share_of_meeting by the meeting's duration. A person is an e-mail address, without one a name.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person: E-mail address in lower case, without one the name.
-- person_name: Name of the speaker.
-- person_email: E-mail address of the speaker.
-- snippets: Number of snippets.
-- words: Number of words, parted by white space.
-- talk_seconds: Time spoken, overlapping own snippets counted once, in seconds.
-- share_of_speech: talk_seconds over that of all speakers of the meeting, 0 to 1.
-- share_of_meeting: talk_seconds over the meeting's duration, 0 to 1.
CREATE VIEW talk_time AS
WITH spoken AS (
    SELECT
        meeting_id,
        date,
        coalesce(lower(person_email), person_name) AS person,
        person_name,
        person_email,
        text,
        transcript_id,
        offset_ms AS starts_ms,
        offset_ms + duration_ms AS ends_ms
    FROM transcript_snippets
),
-- A snippet adds what lies beyond the latest end of the person's snippets that began before it.
reached AS (
    SELECT
        *,
        max(ends_ms) OVER (
            PARTITION BY date, transcript_id, person
            ORDER BY starts_ms, ends_ms
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_ms
    FROM spoken
),
talked AS (
    SELECT
        meeting_id,
        date,
        person,
        any_value(person_name) AS person_name,
        any_value(person_email) AS person_email,
        count(*) AS snippets,
        sum(len(string_split_regex(trim(text), '\s+'))) AS words,
        coalesce(
            sum(greatest(0, ends_ms - greatest(starts_ms, coalesce(reached_ms, starts_ms)))) / 1000,
            0
        ) AS talk_seconds
    FROM reached
    GROUP BY meeting_id, date, person
)
SELECT
    t.*,
    t.talk_seconds / nullif(sum(t.talk_seconds) OVER (PARTITION BY t.date, t.meeting_id), 0) AS share_of_speech,
    t.talk_seconds / nullif(m.duration_seconds, 0) AS share_of_meeting
FROM talked t
LEFT JOIN meetings m USING (meeting_id, date)
