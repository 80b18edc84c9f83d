    -- Times are those of the meeting's zone at its start, of UTC where that is unknown.
    SELECT
        date,
        meeting_id,
        CASE WHEN timezone IN (SELECT name FROM pg_timezone_names())
            THEN timezone(timezone, coalesce(started_at, ended_at)) - timezone('UTC', coalesce(started_at, ended_at))
            ELSE INTERVAL 0 HOURS
        END AS from_utc
    FROM meetings
    WHERE meeting_id = $meeting_id
