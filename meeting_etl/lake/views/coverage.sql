-- What is known of the assets of each day's meetings: one row a day and resource, with how many pairs of meeting and resource have which status, when the next of them is asked, and why (reasons: how many pairs have each reason).
-- date: UTC date on which the meetings ended.
-- resource: Table that the answers fill.
-- expected: Pairs of meeting and resource.
-- ready: Pairs whose rows are here.
-- waiting: Pairs with nothing yet, or nothing final; asked again.
-- absent: Pairs of which there is nothing.
-- forbidden: Pairs that the token may not read.
-- gone: Pairs that are no longer there.
-- failed: Pairs whose last answer was a fault; asked again.
-- open: Pairs that are not settled.
-- next_attempt_at: When the next of them is asked.
-- reasons: Number of pairs by reason.
CREATE VIEW coverage AS
SELECT
    date,
    resource,
    count(*) AS expected,
    count(*) FILTER (status = 'ready') AS ready,
    count(*) FILTER (status = 'waiting') AS waiting,
    count(*) FILTER (status = 'absent') AS absent,
    count(*) FILTER (status = 'forbidden') AS forbidden,
    count(*) FILTER (status = 'gone') AS gone,
    count(*) FILTER (status = 'failed') AS failed,
    count(*) FILTER (NOT settled) AS open,
    min(next_attempt_at) AS next_attempt_at,
    histogram(reason) AS reasons
FROM fetch_ledger
GROUP BY date, resource
