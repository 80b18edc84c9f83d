SELECT
    strftime(coalesce(local_date, date), '%Y-%m-%d') AS day,
    CASE
        WHEN is_webinar THEN 'webinar'
        WHEN attendees IS NULL THEN 'attendees unknown'
        WHEN external_attendees > 0 THEN 'with external'
        WHEN unknown_attendees > 0 THEN 'with unknown guests'
        ELSE 'internal only'
    END AS kind,
    count(*) AS meetings,
    round(sum(attended_seconds) / 3600, 1) AS attended_hours
FROM meeting_overview
WHERE date BETWEEN $first AND $last
GROUP BY ALL
ORDER BY ALL
