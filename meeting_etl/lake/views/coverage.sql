-- What is known of each day's meetings: one row a day and resource, with how many meetings are in which state. A meeting is in one of here, deleted, waiting, failed, forbidden, lost and not_expected, which add up to expected.
-- date: UTC date on which the meetings ended.
-- resource: Table that the answers fill; meeting for title, names and flags of the meetings.
-- expected: Meetings of which it was asked or will be.
-- here: Meetings with rows that are not deleted at Webex.
-- deleted: Meetings of which all rows are deleted at Webex.
-- waiting: Meetings with nothing yet; asked again.
-- failed: Meetings whose last answer was a transient fault.
-- forbidden: Meetings that the token may not read.
-- lost: Meetings of which nothing came until the last attempt, or that is no longer there.
-- not_expected: Meetings that were not recorded, or are out of the bounds of the settings.
-- share_here: here over those that are expected to have some, expected less not_expected; NULL when there are none.
-- open: Meetings that are asked again.
-- next_attempt_at: When the next of them is asked.
-- reasons: Number of meetings by reason.
CREATE VIEW coverage AS
WITH pair AS (
    SELECT
        date,
        meeting_id,
        resource,
        reason,
        settled,
        next_attempt_at,
        CASE
            WHEN status = 'ready' THEN 1
            WHEN status = 'waiting' THEN 2
            WHEN status = 'failed' THEN 3
            WHEN status = 'forbidden' THEN 4
            WHEN reason IN ('not_recorded', 'out_of_bounds') THEN 6
            ELSE 5
        END AS rank
    FROM fetch_ledger
    UNION ALL
    -- A meeting without transcripts has no words either, though nobody could ask for them.
    SELECT
        date,
        meeting_id,
        'transcript_snippets',
        reason,
        settled,
        next_attempt_at,
        CASE
            WHEN status = 'ready' THEN 7
            WHEN status = 'waiting' THEN 2
            WHEN status = 'failed' THEN 3
            WHEN status = 'forbidden' THEN 4
            WHEN reason IN ('not_recorded', 'out_of_bounds') THEN 6
            ELSE 5
        END
    FROM fetch_ledger
    WHERE resource = 'transcripts'
),
meeting AS (
    SELECT
        date,
        meeting_id,
        resource,
        min(rank) AS rank,
        arg_min(reason, rank) AS reason,
        bool_or(NOT settled) AS is_open,
        min(next_attempt_at) AS next_attempt_at
    FROM pair
    GROUP BY date, meeting_id, resource
),
removed AS (
    SELECT date, meeting_id, 'recordings' AS resource, bool_and(status IN ('deleted', 'purged')) AS is_deleted
    FROM recordings
    GROUP BY date, meeting_id
    UNION ALL
    SELECT date, meeting_id, 'transcripts', bool_and(status IS NOT DISTINCT FROM 'deleted')
    FROM transcripts
    GROUP BY date, meeting_id
    UNION ALL
    SELECT date, meeting_id, 'transcript_snippets', bool_and(status IS NOT DISTINCT FROM 'deleted')
    FROM transcripts
    GROUP BY date, meeting_id
),
counted AS (
    SELECT
        date,
        resource,
        count(*) AS expected,
        count(*) FILTER (rank = 1 AND r.is_deleted IS DISTINCT FROM true) AS here,
        count(*) FILTER (rank = 1 AND r.is_deleted) AS deleted,
        count(*) FILTER (rank IN (2, 7)) AS waiting,
        count(*) FILTER (rank = 3) AS failed,
        count(*) FILTER (rank = 4) AS forbidden,
        count(*) FILTER (rank = 5) AS lost,
        count(*) FILTER (rank = 6) AS not_expected,
        count(*) FILTER (is_open) AS open,
        min(next_attempt_at) AS next_attempt_at,
        histogram(reason) AS reasons
    FROM meeting
    LEFT JOIN removed r USING (date, meeting_id, resource)
    GROUP BY date, resource
)
SELECT
    date,
    resource,
    expected,
    here,
    deleted,
    waiting,
    failed,
    forbidden,
    lost,
    not_expected,
    here / nullif(expected - not_expected, 0) AS share_here,
    open,
    next_attempt_at,
    reasons
FROM counted
