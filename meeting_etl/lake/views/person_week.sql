-- How much of each week each person spent in meetings, on the clock: parallel meetings count once. One row a person and ISO week of the meetings' local start. For insight into meetings, not for decisions on employment.
-- person: Key of the person as in attendance.
-- iso_week: ISO week, as in 2026-W10; NULL for meetings whose time zone is not known.
-- meetings: Meetings in which the person was.
-- in_meetings_seconds: Time in meetings, parallel ones once, as far as it is known.
-- attended_seconds: Time in each meeting, added up.
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
added AS (
    SELECT
        *,
        CASE WHEN joined_at IS NOT NULL AND left_at IS NOT NULL THEN greatest(0, epoch(left_at) - epoch(greatest(joined_at, max(left_at) FILTER (joined_at IS NOT NULL) OVER (
            PARTITION BY person, iso_week
            ORDER BY joined_at, left_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )))) END AS clock_seconds,
        CASE WHEN joined_at IS NOT NULL AND left_at IS NOT NULL THEN greatest(0, epoch(left_at) - epoch(greatest(joined_at, max(left_at) FILTER (joined_at IS NOT NULL) OVER (
            PARTITION BY person, meeting_id
            ORDER BY joined_at, left_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )))) END AS added_seconds
    FROM stay
)
SELECT
    person,
    iso_week,
    count(DISTINCT meeting_id) AS meetings,
    CAST(sum(clock_seconds) AS DOUBLE) AS in_meetings_seconds,
    CAST(sum(added_seconds) AS DOUBLE) AS attended_seconds
FROM added
GROUP BY person, iso_week
