SELECT
    strftime(date, '%Y-%m-%d') AS day,
    resource,
    round(share_here, 3) AS share_here,
    expected, here, waiting, failed, forbidden, deleted, lost, not_expected
FROM coverage
WHERE date BETWEEN $first AND $last
ORDER BY ALL
