-- What is known of each day's meetings: one row per day and resource, with the number of meetings in each state. A meeting is in one of here, deleted, waiting, failed, forbidden, lost and not_expected, which add up to expected.
-- date: UTC date on which the meetings ended.
-- resource: Table that the responses fill; meeting for title, names and flags of the meetings. Words from VTT files count in transcript_snippets.
-- expected: Meetings for which the resource was fetched or will be.
-- here: Meetings with rows that are not deleted at Webex.
-- deleted: Meetings whose rows are all deleted at Webex, or whose files are all removed here.
-- waiting: Meetings with nothing yet; fetched again later.
-- failed: Meetings whose latest response was a transient error.
-- forbidden: Meetings that the token may not read.
-- lost: Meetings with nothing until the last attempt, or no longer found.
-- not_expected: Meetings that were not recorded, were in a personal room, or are outside the limits in the settings.
-- share_here: here divided by expected minus not_expected; NULL when that is 0.
-- open: Meetings that will be fetched again.
-- next_attempt_at: Earliest next attempt of these.
-- reasons: Number of meetings by reason; from_vtt: here from the VTT file of a transcript, because snippets cannot be read.
CREATE VIEW coverage AS
-- What is deleted at Webex, or removed here, by work item: lists by meeting, everything else by its own id.
WITH removed AS (
    SELECT date, meeting_id, 'recordings' AS resource, '' AS resource_id, bool_and(coalesce(status IN ('deleted', 'purged'), false)) AS is_deleted
    FROM recordings
    GROUP BY date, meeting_id
    UNION ALL
    SELECT date, meeting_id, 'transcripts', '', bool_and(status IS NOT DISTINCT FROM 'deleted')
    FROM transcripts
    GROUP BY date, meeting_id
    UNION ALL
    SELECT date, meeting_id, 'meeting_summaries', '', bool_and(status IS NOT DISTINCT FROM 'deleted')
    FROM meeting_summaries
    GROUP BY date, meeting_id
    UNION ALL
    SELECT date, meeting_id, 'transcript_snippets', transcript_id, status IS NOT DISTINCT FROM 'deleted'
    FROM transcripts
    UNION ALL
    SELECT date, meeting_id, 'transcript_files', transcript_id, bool_and(removed_at IS NOT NULL)
    FROM transcript_files
    GROUP BY date, meeting_id, transcript_id
    UNION ALL
    SELECT date, meeting_id, 'recording_files', recording_id, bool_and(removed_at IS NOT NULL)
    FROM recording_files
    GROUP BY date, meeting_id, recording_id
),
items AS (
    SELECT date, meeting_id, resource, resource_id, status, reason, settled, next_attempt_at, false AS is_parent
    FROM fetch_ledger
    WHERE resource <> 'vtt_snippets'
    UNION ALL
    -- Of the two work items of a transcript's words the better one counts.
    SELECT date, meeting_id, 'transcript_snippets', resource_id, status,
        CASE WHEN status = 'ready' THEN 'from_vtt' ELSE reason END, settled, next_attempt_at, false
    FROM fetch_ledger
    WHERE resource = 'vtt_snippets'
    UNION ALL
    -- A meeting without transcripts has no snippets either, although there is no work item for them.
    SELECT date, meeting_id, 'transcript_snippets', '', status, reason, settled, next_attempt_at, true
    FROM fetch_ledger
    WHERE resource = 'transcripts'
),
item AS (
    SELECT
        date,
        meeting_id,
        resource,
        CASE WHEN NOT (is_parent AND status = 'ready') THEN reason END AS reason,
        settled,
        next_attempt_at,
        CASE
            WHEN is_parent AND status = 'ready' THEN 8
            WHEN status = 'ready' AND is_deleted THEN 2
            WHEN status = 'ready' THEN 1
            WHEN status = 'waiting' THEN 3
            WHEN status = 'failed' THEN 4
            WHEN status = 'forbidden' THEN 5
            WHEN reason IN ('not_recorded', 'out_of_bounds', 'personal_room', 'pruned') THEN 7
            ELSE 6
        END AS rank
    FROM items
    LEFT JOIN removed USING (date, meeting_id, resource, resource_id)
),
meeting AS (
    SELECT
        date,
        meeting_id,
        resource,
        min(rank) AS rank,
        first(reason ORDER BY rank, reason NULLS LAST) AS reason,
        bool_or(NOT settled) AS is_open,
        min(next_attempt_at) AS next_attempt_at
    FROM item
    GROUP BY date, meeting_id, resource
),
-- Not histogram(): beside other aggregates it makes DuckDB 2.0 read the files of all days.
by_reason AS (
    SELECT
        date,
        resource,
        reason,
        count(*) AS expected,
        count(*) FILTER (rank = 1) AS here,
        count(*) FILTER (rank = 2) AS deleted,
        count(*) FILTER (rank IN (3, 8)) AS waiting,
        count(*) FILTER (rank = 4) AS failed,
        count(*) FILTER (rank = 5) AS forbidden,
        count(*) FILTER (rank = 6) AS lost,
        count(*) FILTER (rank = 7) AS not_expected,
        count(*) FILTER (is_open) AS open,
        min(next_attempt_at) AS next_attempt_at
    FROM meeting
    GROUP BY date, resource, reason
),
counted AS (
    SELECT
        date,
        resource,
        CAST(sum(expected) AS BIGINT) AS expected,
        CAST(sum(here) AS BIGINT) AS here,
        CAST(sum(deleted) AS BIGINT) AS deleted,
        CAST(sum(waiting) AS BIGINT) AS waiting,
        CAST(sum(failed) AS BIGINT) AS failed,
        CAST(sum(forbidden) AS BIGINT) AS forbidden,
        CAST(sum(lost) AS BIGINT) AS lost,
        CAST(sum(not_expected) AS BIGINT) AS not_expected,
        CAST(sum(open) AS BIGINT) AS open,
        min(next_attempt_at) AS next_attempt_at,
        map_from_entries(list((reason, expected) ORDER BY reason) FILTER (reason IS NOT NULL)) AS reasons
    FROM by_reason
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
