-- Every stay of a person in a meeting: one row per join with a device, or per participant without devices. attendance and person_week are computed from it.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- participant_id: Id of the participant.
-- person: E-mail address, trimmed and in lower case; without one `guest:` and the participant id.
-- email: E-mail address, trimmed and in lower case; NULL for guests and phones.
-- email_domain: Domain of the address, in lower case; kept where the address is not.
-- display_name: Name shown in the meeting.
-- host: Was the host.
-- invitee: Was invited; NULL while unknown.
-- device_types: Kinds of devices of the participant, sorted.
-- method: Source of both ends: device (its join and leave), duration (its join and length), participant (its own times), or unknown.
-- started_at: Start of the meeting; NULL where it is after the end.
-- ended_at: End of the meeting.
-- joined_at: Begin of the stay, not before the meeting's start; NULL while unknown.
-- left_at: End of the stay, not after the meeting's end; NULL while unknown.
-- why_not: Why the stay does not count as presence: lobby, before_start, after_end, leave_before_join, no_time, or not_known; else NULL.
CREATE VIEW presence AS
WITH participant AS (
    SELECT
        p.date,
        p.meeting_id,
        p.participant_id,
        {address:p.email} AS email,
        p.email_domain,
        p.display_name,
        coalesce(p.host, false) AS host,
        p.invitee,
        p.state = 'lobby' AS is_lobby,
        p.joined_at,
        p.left_at,
        -- Without any time of a device the participant's own times count. A length of decades is not believed.
        CASE
            WHEN len([d FOR d IN p.devices IF coalesce(d.joined_at, d.left_at) IS NOT NULL]) > 0
                THEN [{
                    'joined_at': d.joined_at,
                    'left_at': d.left_at,
                    'length': CASE WHEN d.duration_seconds BETWEEN 0 AND 1000000000 THEN to_seconds(d.duration_seconds) END
                } FOR d IN p.devices]
            ELSE []
        END AS devices,
        list_sort(list_distinct([d.device_type FOR d IN p.devices IF d.device_type IS NOT NULL])) AS device_types
    FROM participants p
),
-- One row per join. A device without an end (or begin) gets it from its length, or, if it is the only device, from the participant.
joins AS (
    SELECT
        p.* EXCLUDE (devices, joined_at, left_at),
        unnest(
            CASE
                WHEN len(p.devices) = 0 THEN [{
                    'j': p.joined_at, 'l': p.left_at,
                    'method': CASE WHEN p.joined_at IS NULL OR p.left_at IS NULL THEN 'unknown' ELSE 'participant' END
                }]
                ELSE [{
                    'j': coalesce(
                        d.joined_at,
                        d.left_at - d.length,
                        CASE WHEN len(p.devices) = 1 THEN p.joined_at END
                    ),
                    'l': coalesce(
                        d.left_at,
                        d.joined_at + d.length,
                        CASE WHEN len(p.devices) = 1 THEN p.left_at END
                    ),
                    'method': CASE
                        WHEN d.joined_at IS NOT NULL AND d.left_at IS NOT NULL THEN 'device'
                        WHEN d.length IS NOT NULL AND coalesce(d.joined_at, d.left_at) IS NOT NULL THEN 'duration'
                        WHEN len(p.devices) = 1
                            AND coalesce(d.joined_at, p.joined_at) IS NOT NULL
                            AND coalesce(d.left_at, p.left_at) IS NOT NULL THEN 'participant'
                        ELSE 'unknown'
                    END
                } FOR d IN p.devices]
            END
        ) AS interval
    FROM participant p
),
-- A start after the end is not believed.
meeting AS (
    SELECT date, meeting_id, CASE WHEN started_at <= ended_at OR ended_at IS NULL THEN started_at END AS started_at, ended_at
    FROM meetings
),
classified AS (
    SELECT
        j.date,
        j.meeting_id,
        j.participant_id,
        j.email,
        j.email_domain,
        j.display_name,
        j.host,
        j.invitee,
        j.device_types,
        coalesce(j.email, 'guest:' || j.participant_id) AS person,
        j.interval.method AS method,
        m.started_at,
        m.ended_at,
        -- greatest() and least() ignore NULL, which here means unknown.
        CASE WHEN j.interval.j IS NOT NULL THEN greatest(j.interval.j, m.started_at) END AS joined_at,
        CASE WHEN j.interval.l IS NOT NULL THEN least(j.interval.l, m.ended_at) END AS left_at,
        CASE
            WHEN j.is_lobby THEN 'lobby'
            WHEN j.interval.l < j.interval.j THEN 'leave_before_join'
            WHEN j.interval.l = j.interval.j
                AND j.interval.j BETWEEN coalesce(m.started_at, j.interval.j) AND coalesce(m.ended_at, j.interval.j)
                THEN 'no_time'
            WHEN j.interval.l <= m.started_at THEN 'before_start'
            WHEN j.interval.j >= m.ended_at THEN 'after_end'
            WHEN j.interval.j IS NULL AND j.interval.l IS NULL THEN 'not_known'
        END AS why_not
    FROM joins j
    LEFT JOIN meeting m USING (date, meeting_id)
)
SELECT
    meeting_id,
    date,
    participant_id,
    person,
    email,
    email_domain,
    display_name,
    host,
    invitee,
    device_types,
    method,
    started_at,
    ended_at,
    joined_at,
    left_at,
    why_not
FROM classified
