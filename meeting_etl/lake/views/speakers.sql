-- Who each speaker of a meeting is: one row per meeting, name and address as in the transcripts, with the participant found by address, or by a name that only one participant of the meeting has.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person_name: Name as in transcript_snippets.
-- person_email: E-mail address as in transcript_snippets.
-- person: Key of the person in attendance; without a participant the e-mail address, else `name:` and the name (one spelling of those that differ in case and white space only); NULL without both.
-- display_name: Name shown in the meeting (of several, the one with the longest presence), else the one in the transcript.
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
        max({address:person_email}) AS last_email
    FROM transcript_snippets
    GROUP BY date, meeting_id, lower({name:person_name})
),
voices AS (
    SELECT
        s.*,
        coalesce('address ' || s.email, 'name ' || s.lower_name) AS key,
        a.name AS name_alike,
        CASE WHEN a.first_email = a.last_email THEN a.first_email END AS email_of_the_name
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
        first(display_name ORDER BY display_name IS NULL, presence DESC NULLS LAST, display_name) AS display_name
    FROM participant
    GROUP BY date, meeting_id, key
),
found AS (
    SELECT
        v.*,
        k.person AS known_person,
        k.display_name AS known_name,
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
        *,
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
    {side} AS side,
    method,
    snippets
FROM keyed
