-- Who was invited to each meeting, and whether they attended: one row per meeting and invited person. No-shows are the rows in which attended is false; one who joined by phone or as a guest, without an address, is among them (see unknown_attendees of meeting_overview). Empty unless invitees in [fetch] is on. For insight into meetings, not for decisions on employment.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person: E-mail address, trimmed and in lower case; without one `guest:` and the invitee id.
-- email: E-mail address, trimmed and in lower case.
-- email_domain: Domain of the address, in lower case; kept where the address is not.
-- display_name: Name in the invitation.
-- side: internal, external or unknown, by the domain of the address.
-- co_host: May host in the host's place.
-- panelist: Is a panelist, of a webinar.
-- attended: Was inside the meeting, with that address; NULL without an address, and while invitees or participants are not complete.
CREATE VIEW invitations AS
WITH invited AS (
    SELECT *, coalesce({address:email}, 'guest:' || invitee_id) AS person
    FROM invitees
),
-- Only a complete list says who is not in it.
complete AS (
    SELECT date, meeting_id, true AS is_complete
    FROM fetch_ledger
    WHERE status = 'ready' AND (resource = 'participants' OR (resource = 'invitees' AND settled))
    GROUP BY date, meeting_id
    HAVING count(*) = 2
),
-- Grouped after the joins: without invitees DuckDB then reads nothing.
grouped AS (
    SELECT
        i.meeting_id,
        i.date,
        i.person,
        any_value({address:i.email}) AS email,
        min(i.email_domain) AS email_domain,
        first(i.display_name ORDER BY i.display_name IS NULL, i.display_name) AS display_name,
        bool_or(i.co_host) AS co_host,
        bool_or(i.panelist) AS panelist,
        bool_or(CASE
            WHEN c.is_complete AND a.person IS NOT NULL THEN a.present
            WHEN c.is_complete AND {address:i.email} IS NOT NULL THEN false
        END) AS attended
    FROM invited i
    LEFT JOIN complete c USING (date, meeting_id)
    LEFT JOIN attendance a USING (date, meeting_id, person)
    GROUP BY i.date, i.meeting_id, i.person
)
SELECT
    meeting_id,
    date,
    person,
    email,
    email_domain,
    display_name,
    {side} AS side,
    co_host,
    panelist,
    attended
FROM grouped
