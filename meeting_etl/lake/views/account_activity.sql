-- Meetings with each account (domain of external addresses) per day: one row per day and domain. Webinars are counted apart, as their audience does not meet.
-- date: UTC date on which the meetings ended.
-- domain: Domain of the addresses.
-- meetings: Meetings, without webinars, that somebody of the account attended.
-- webinars: Webinars that somebody of the account attended.
-- persons: Persons of the account in these meetings, without webinars.
-- attended_seconds: Sum of their time in these meetings, as far as it is known, without webinars.
-- talk_seconds: Sum of their talk in these meetings; NULL when none is known.
CREATE VIEW account_activity AS
SELECT
    a.date,
    a.email_domain AS domain,
    count(DISTINCT a.meeting_id) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar') AS meetings,
    count(DISTINCT a.meeting_id) FILTER (m.scheduled_type = 'webinar') AS webinars,
    count(DISTINCT a.person) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar') AS persons,
    round(sum(a.attended_seconds) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar'), 6) AS attended_seconds,
    round(sum(t.talk_seconds) FILTER (m.scheduled_type IS DISTINCT FROM 'webinar'), 6) AS talk_seconds
FROM attendance a
LEFT JOIN meetings m USING (date, meeting_id)
LEFT JOIN talk_time t USING (date, meeting_id, person)
WHERE a.present AND a.side = 'external'
GROUP BY a.date, a.email_domain
