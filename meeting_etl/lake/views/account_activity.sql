-- Which accounts (domains of external addresses) were met on each day: one row a day and domain. Webinars are counted apart, as their audience is not met.
-- date: UTC date on which the meetings ended.
-- domain: Part of the addresses after the @.
-- meetings: Meetings, without webinars, in which somebody of the account was.
-- webinars: Webinars in which somebody of the account was.
-- persons: Persons of the account in these meetings, without webinars.
-- attended_seconds: Their time in these meetings together, as far as it is known, without webinars.
-- talk_seconds: Their talk in these meetings together; NULL while none is known.
CREATE VIEW account_activity AS
SELECT
    a.date,
    regexp_extract(a.email, '[^@]+$') AS domain,
    count(DISTINCT a.meeting_id) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar') AS meetings,
    count(DISTINCT a.meeting_id) FILTER (m.scheduled_type = 'webinar') AS webinars,
    count(DISTINCT a.person) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar') AS persons,
    CAST(sum(a.attended_seconds) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar') AS DOUBLE) AS attended_seconds,
    CAST(sum(t.talk_seconds) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar') AS DOUBLE) AS talk_seconds
FROM attendance a
LEFT JOIN meetings m USING (date, meeting_id)
LEFT JOIN talk_time t USING (date, meeting_id, person)
WHERE a.present AND a.side = 'external'
GROUP BY a.date, regexp_extract(a.email, '[^@]+$')
