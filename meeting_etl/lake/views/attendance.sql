-- How long each person was in each meeting: the union of all join-to-leave intervals, clipped to the meeting. One row a person and meeting; a person is an e-mail address, without one a participant. Intervals with an unknown end are left out and counted in open_intervals.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person: E-mail address in lower case, without one the id of the participant.
-- email: E-mail address; NULL for guests and phones.
-- display_name: Name shown in the meeting.
-- host: Was the host.
-- first_joined_at: First join, not before the meeting's start.
-- last_left_at: Last leave, not after the meeting's end.
-- attended_seconds: Time in the meeting, overlapping joins counted once, in seconds.
-- intervals: Number of joins.
-- open_intervals: Joins of which the begin or the end is not known; they add no time.
CREATE VIEW attendance AS
WITH joins AS (
    SELECT
        p.meeting_id,
        p.date,
        coalesce(lower(p.email), p.participant_id) AS person,
        p.email,
        p.display_name,
        coalesce(p.host, false) AS host,
        unnest(
            CASE
                WHEN len(p.devices) > 0 THEN [{'j': d.joined_at, 'l': d.left_at} FOR d IN p.devices]
                ELSE [{'j': p.joined_at, 'l': p.left_at}]
            END
        ) AS interval
    FROM participants p
),
clipped AS (
    SELECT
        j.* EXCLUDE (interval),
        -- greatest() and least() pass over NULL, which here means that nobody knows.
        CASE WHEN j.interval.j IS NOT NULL THEN greatest(j.interval.j, m.started_at) END AS joined_at,
        CASE WHEN j.interval.l IS NOT NULL THEN least(j.interval.l, m.ended_at) END AS left_at
    FROM joins j
    LEFT JOIN meetings m USING (meeting_id, date)
),
-- An interval adds what lies beyond the latest leave of those that began before it.
reached AS (
    SELECT
        *,
        max(left_at) OVER (
            PARTITION BY date, meeting_id, person
            ORDER BY joined_at, left_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_at
    FROM clipped
)
SELECT
    meeting_id,
    date,
    person,
    any_value(email) AS email,
    any_value(display_name) AS display_name,
    bool_or(host) AS host,
    min(joined_at) AS first_joined_at,
    max(left_at) AS last_left_at,
    coalesce(
        sum(greatest(0, epoch(left_at) - epoch(greatest(joined_at, coalesce(reached_at, joined_at)))))
        FILTER (joined_at IS NOT NULL AND left_at IS NOT NULL),
        0
    ) AS attended_seconds,
    count(*) AS intervals,
    count(*) FILTER (joined_at IS NULL OR left_at IS NULL) AS open_intervals
FROM reached
GROUP BY meeting_id, date, person
