-- Who each speaker of a meeting is: one row per meeting, name and address as in the transcripts, with the participant found by address, or by a name that only one participant of the meeting has.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person_name: Name as in transcript_snippets.
-- person_email: E-mail address as in transcript_snippets.
-- person: Key of the person in attendance; without a participant the e-mail address, else `name:` and the name (one spelling of those that differ in case and white space only); NULL without both.
-- display_name: Name shown in the meeting (of several, the one with the longest presence), else the one in the transcript.
-- email_domain: Domain of the participant's address, else of that in the transcript, in lower case; kept where the address is not.
-- side: internal, external or unknown, by the domain of the address.
-- method: How the person was identified: email, name, ambiguous (several participants have the name), unmatched (none has), or unknown (neither name nor address).
-- snippets: Number of snippets.
CREATE VIEW speakers AS
-- No CTE is used twice, and no window lacks an order: else DuckDB would read all days.
WITH speaker AS (
    SELECT
        date,
        meeting_id,
        person_name,
        person_email,
        {address:person_email} AS email,
        {name:person_name} AS name,
        lower({name:person_name}) AS lower_name,
        CASE WHEN min(person_email_domain) = max(person_email_domain) THEN min(person_email_domain) END AS email_domain,
        count(*) AS snippets
    FROM transcript_snippets
    GROUP BY date, meeting_id, person_name, person_email
),
-- Names that differ in case and white space only are one speaker, and so are snippets with and without the address.
alike AS (
    SELECT
        date,
        meeting_id,
        lower({name:person_name}) AS lower_name,
        min({name:person_name}) AS name,
        min({address:person_email}) AS first_email,
        max({address:person_email}) AS last_email,
        min(person_email_domain) AS first_domain,
        max(person_email_domain) AS last_domain
    FROM transcript_snippets
    GROUP BY date, meeting_id, lower({name:person_name})
),
voices AS (
    SELECT
        s.*,
        coalesce('address ' || s.email, 'name ' || s.lower_name) AS key,
        a.name AS name_alike,
        CASE WHEN a.first_email = a.last_email THEN a.first_email END AS email_of_the_name,
        -- Also where addresses are not stored.
        CASE WHEN a.first_email IS NOT DISTINCT FROM a.last_email AND a.first_domain = a.last_domain THEN a.first_domain END AS domain_of_the_name
    FROM speaker s
    LEFT JOIN alike a USING (date, meeting_id, lower_name)
),
-- Addresses and names of participants; a name identifies a person only when nobody else has it.
participant AS (
    SELECT
        date,
        meeting_id,
        'address ' || {address:email} AS key,
        coalesce({address:email}, 'guest:' || participant_id) AS person,
        email_domain,
        display_name,
        left_at - joined_at AS presence
    FROM participants
    WHERE state IS DISTINCT FROM 'lobby'
    UNION ALL
    SELECT
        date,
        meeting_id,
        'name ' || lower({name:display_name}),
        coalesce({address:email}, 'guest:' || participant_id),
        email_domain,
        display_name,
        left_at - joined_at
    FROM participants
    WHERE state IS DISTINCT FROM 'lobby'
),
known AS (
    SELECT
        date,
        meeting_id,
        key,
        min(person) AS person,
        min(person) <> max(person) AS is_ambiguous,
        min(email_domain) AS email_domain,
        first(display_name ORDER BY display_name IS NULL, presence DESC NULLS LAST, display_name) AS display_name
    FROM participant
    GROUP BY date, meeting_id, key
),
found AS (
    SELECT
        v.*,
        k.person AS known_person,
        k.display_name AS known_name,
        k.email_domain AS known_domain,
        CASE
            WHEN v.key IS NULL THEN 'unknown'
            WHEN k.person IS NULL THEN 'unmatched'
            WHEN v.email IS NOT NULL THEN 'email'
            WHEN k.is_ambiguous THEN 'ambiguous'
            ELSE 'name'
        END AS method
    FROM voices v
    LEFT JOIN known k USING (date, meeting_id, key)
),
keyed AS (
    SELECT
        * EXCLUDE (email_domain),
        CASE
            WHEN method IN ('email', 'name') THEN coalesce(known_domain, email_domain)
            WHEN method = 'unmatched' THEN coalesce(email_domain, domain_of_the_name)
            ELSE email_domain
        END AS email_domain,
        CASE
            WHEN method IN ('email', 'name') THEN known_person
            WHEN method = 'unmatched' THEN coalesce(email, email_of_the_name, 'name:' || name_alike)
            ELSE 'name:' || name_alike
        END AS person
    FROM found
)
SELECT
    meeting_id,
    date,
    person_name,
    person_email,
    person,
    coalesce(CASE WHEN method IN ('email', 'name') THEN known_name END, name) AS display_name,
    email_domain,
    {side} AS side,
    method,
    snippets
FROM keyed
