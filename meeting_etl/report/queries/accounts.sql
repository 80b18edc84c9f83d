SELECT
    domain,
    CAST(sum(meetings) AS BIGINT) AS meetings,
    round(sum(attended_seconds) / 3600, 1) AS attended_hours,
    round(sum(talk_seconds) / 60, 1) AS talk_minutes
FROM account_activity
WHERE date BETWEEN $first AND $last
GROUP BY domain
HAVING sum(meetings) > 0
ORDER BY sum(meetings) DESC, domain
LIMIT 20
