SELECT
    count(*) AS meetings,
    CASE WHEN count(*) = 0 THEN 0 ELSE sum(attended_seconds) / 3600 END AS attended_hours,
    count(*) FILTER (external_attendees > 0) AS with_external,
    count(*) FILTER (recorded) AS recorded,
    count(*) FILTER (transcribed) AS transcribed,
    -- What was never recorded or is out of bounds is not missing.
    count(*) FILTER (len([
        reason FOR reason IN map_values(missing)
        IF reason NOT IN ('not_recorded', 'out_of_bounds', 'personal_room', 'pruned')
    ]) > 0) AS something_missing
FROM meeting_overview
WHERE date BETWEEN $first AND $last
