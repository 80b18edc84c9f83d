-- Who attended each meeting, and how long: the union of all joins, clipped to the meeting. One row per meeting and person, also for participants who were never inside (present is false). Unknown values are NULL and counted in open_intervals. For insight into meetings, not for decisions on employment.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person: E-mail address, trimmed and in lower case; without one `guest:` and the participant id.
-- email: E-mail address, trimmed and in lower case; NULL for guests and phones.
-- email_domain: Domain of the address, in lower case; kept where the address is not.
-- display_name: Name shown in the meeting; of several, the one with the longest presence.
-- side: internal, external or unknown, by the domain of the address.
-- host: Was the host.
-- invitee: Was invited; NULL while unknown.
-- device_types: Kinds of devices, sorted; NULL when none is known.
-- present: Was inside the meeting; false with a reason; NULL when no time is known.
-- reason: Why present is false: lobby (never admitted), before_start (left before the start), after_end (joined after the end), leave_before_join, or no_time (left immediately).
-- method: Source of the known interval ends; of several, the weakest: device (its join and leave), duration (its join and length) or participant (its own times); unknown when none is known or none was inside.
-- first_joined_at: First join, not before the meeting's start; NULL when not inside or unknown.
-- last_left_at: Last leave, not after the meeting's end; NULL when not inside or unknown.
-- attended_seconds: Time in the meeting in seconds, with overlapping joins counted once; NULL when no interval is known.
-- share_of_meeting: attended_seconds divided by the meeting's duration, 0 to 1.
-- late: First join more than 5 minutes after the start.
-- left_early: Last leave more than 5 minutes before the end.
-- intervals: Number of joins.
-- open_intervals: Joins with an unknown begin or end; they add no time.
CREATE VIEW attendance AS
-- An interval adds the time after the latest leave of the intervals that began before it.
WITH added AS (
    SELECT
        * EXCLUDE (joined_at, left_at),
        CASE WHEN why_not IS NULL THEN joined_at END AS joined_at,
        CASE WHEN why_not IS NULL THEN left_at END AS left_at,
        CASE WHEN why_not IS NULL AND joined_at IS NOT NULL AND left_at IS NOT NULL THEN greatest(
            0,
            epoch_us(left_at) - epoch_us(greatest(joined_at, coalesce(max(left_at) FILTER (why_not IS NULL AND joined_at IS NOT NULL) OVER (
                PARTITION BY date, meeting_id, person
                ORDER BY joined_at, left_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), joined_at)))
        ) END AS added_us
    FROM presence
),
named AS (
    SELECT
        *,
        coalesce(sum(epoch_us(left_at) - epoch_us(joined_at)) OVER (PARTITION BY date, meeting_id, person, display_name), 0) AS named_us
    FROM added
),
summed AS (
    SELECT
        date,
        meeting_id,
        person,
        any_value(email) AS email,
        min(email_domain) AS email_domain,
        first(display_name ORDER BY display_name IS NULL, named_us DESC, display_name) AS display_name,
        bool_or(host) AS host,
        bool_or(invitee) AS invitee,
        list_sort(list_distinct(flatten(list(device_types)))) AS device_types,
        CASE
            WHEN bool_or(why_not IS NULL) THEN true
            WHEN bool_or(why_not = 'not_known') THEN NULL
            ELSE false
        END AS present,
        min(why_not) FILTER (why_not <> 'not_known') AS reason,
        -- An unknown join or leave may be before or after all others.
        CASE WHEN bool_and(joined_at IS NOT NULL) FILTER (why_not IS NULL OR why_not = 'not_known') THEN min(joined_at) END AS first_joined_at,
        CASE WHEN bool_and(left_at IS NOT NULL) FILTER (why_not IS NULL OR why_not = 'not_known') THEN max(left_at) END AS last_left_at,
        sum(added_us) / 1e6 AS attended_seconds,
        any_value(started_at) AS started_at,
        any_value(ended_at) AS ended_at,
        max(CASE method WHEN 'device' THEN 0 WHEN 'duration' THEN 1 WHEN 'participant' THEN 2 END) FILTER (why_not IS NULL) AS weakest,
        count(*) AS intervals,
        count(*) FILTER (why_not = 'not_known' OR (why_not IS NULL AND (joined_at IS NULL OR left_at IS NULL))) AS open_intervals
    FROM named
    GROUP BY date, meeting_id, person
)
SELECT
    meeting_id,
    date,
    person,
    email,
    email_domain,
    display_name,
    {side} AS side,
    host,
    invitee,
    CASE WHEN len(device_types) > 0 THEN device_types END AS device_types,
    present,
    CASE WHEN NOT present THEN reason END AS reason,
    coalesce(['device', 'duration', 'participant'][weakest + 1], 'unknown') AS method,
    first_joined_at,
    last_left_at,
    CASE WHEN NOT present THEN 0 ELSE attended_seconds END AS attended_seconds,
    CASE WHEN NOT present THEN 0 ELSE attended_seconds END
        / nullif((epoch_us(ended_at) - epoch_us(started_at)) / 1e6, 0) AS share_of_meeting,
    CASE WHEN present THEN first_joined_at > started_at + INTERVAL 5 MINUTE END AS late,
    CASE WHEN present THEN last_left_at < ended_at - INTERVAL 5 MINUTE END AS left_early,
    intervals,
    open_intervals
FROM summed
