SELECT *, timezone('UTC', started_at) AS utc_started_at, timezone('UTC', ended_at) AS utc_ended_at
FROM meeting_overview
WHERE meeting_id = $meeting_id
