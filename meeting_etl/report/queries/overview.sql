SELECT
    count(*) AS meetings,
    sum(attended_seconds) / 3600 AS attended_hours,
    count(*) FILTER (external_attendees > 0) AS with_external,
    count(*) FILTER (recorded) AS recorded,
    count(*) FILTER (transcribed) AS transcribed,
    count(*) FILTER (missing IS NOT NULL) AS incomplete
FROM meeting_overview
WHERE date BETWEEN $first AND $last
