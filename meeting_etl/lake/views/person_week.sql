-- How much of each week each person spent in meetings: one row per person and ISO week of the meetings' local start. Parallel meetings count once in in_meetings_seconds. For insight into meetings, not for decisions on employment.
-- person: Key of the person as in attendance.
-- iso_week: ISO week, as in 2026-W10; NULL for meetings whose time zone is unknown.
-- meetings: Meetings that the person attended.
-- in_meetings_seconds: Time in meetings, with parallel meetings counted once, as far as it is known.
-- attended_seconds: Sum of the time in each meeting.
-- talk_seconds: Sum of the talk in these meetings; NULL when none is known.
-- share_of_speech: Mean share of all speech over the meetings in which the person spoke; each meeting counts alike.
-- weighted_share_of_speech: Share of all speech of these meetings together; long meetings count more.
CREATE VIEW person_week AS
WITH stay AS (
    SELECT
        p.person,
        p.meeting_id,
        CASE WHEN list_contains({time_zones}, m.timezone)
            THEN strftime(CAST(timezone(m.timezone, m.started_at) AS DATE), '%G-W%V') END AS iso_week,
        p.joined_at,
        p.left_at
    FROM presence p
    JOIN meetings m USING (date, meeting_id)
    WHERE p.why_not IS NULL
),
talked AS (
    SELECT
        t.person,
        CASE WHEN list_contains({time_zones}, m.timezone)
            THEN strftime(CAST(timezone(m.timezone, m.started_at) AS DATE), '%G-W%V') END AS iso_week,
        round(sum(t.talk_seconds), 6) AS talk_seconds,
        round(avg(t.share_of_speech), 12) AS share_of_speech,
        round(sum(t.talk_seconds), 6) / nullif(round(sum(s.speech_seconds) FILTER (t.talk_seconds IS NOT NULL), 6), 0) AS weighted_share_of_speech
    FROM talk_time t
    JOIN meetings m USING (date, meeting_id)
    JOIN (
        SELECT date, meeting_id, sum(talk_seconds) AS speech_seconds FROM talk_time GROUP BY date, meeting_id
    ) s USING (date, meeting_id)
    WHERE t.person IS NOT NULL
    GROUP BY ALL
),
added AS (
    SELECT
        *,
        CASE WHEN joined_at IS NOT NULL AND left_at IS NOT NULL THEN greatest(0, epoch_us(left_at) - epoch_us(greatest(joined_at, max(left_at) FILTER (joined_at IS NOT NULL) OVER (
            PARTITION BY person, iso_week
            ORDER BY joined_at, left_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )))) END AS clock_us,
        CASE WHEN joined_at IS NOT NULL AND left_at IS NOT NULL THEN greatest(0, epoch_us(left_at) - epoch_us(greatest(joined_at, max(left_at) FILTER (joined_at IS NOT NULL) OVER (
            PARTITION BY person, meeting_id
            ORDER BY joined_at, left_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )))) END AS added_us
    FROM stay
)
SELECT
    a.person,
    a.iso_week,
    count(DISTINCT a.meeting_id) AS meetings,
    sum(a.clock_us) / 1e6 AS in_meetings_seconds,
    sum(a.added_us) / 1e6 AS attended_seconds,
    any_value(t.talk_seconds) AS talk_seconds,
    any_value(t.share_of_speech) AS share_of_speech,
    any_value(t.weighted_share_of_speech) AS weighted_share_of_speech
FROM added a
LEFT JOIN talked t ON t.person = a.person AND t.iso_week IS NOT DISTINCT FROM a.iso_week
GROUP BY a.person, a.iso_week
