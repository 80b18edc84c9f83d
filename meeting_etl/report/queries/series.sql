SELECT
    row_number() OVER (ORDER BY occurrences DESC, meeting_series_id) || '. '
        || coalesce(title, 'without title') AS series,
    occurrences,
    first_attendees,
    last_attendees,
    round(attendees, 1) AS mean_attendees,
    round(late_share, 2) AS late_share,
    strftime(first_date, '%Y-%m-%d') AS first_date,
    strftime(last_date, '%Y-%m-%d') AS last_date
FROM series_health
WHERE first_date <= $last AND last_date >= $first
ORDER BY occurrences DESC, meeting_series_id
LIMIT 20
