-- How long each person talked in each meeting, from the table speaker_metrics: the union of the person's snippets over all transcripts that are not deleted, clipped to the meeting; time covered by two transcripts counts once, while snippets and words are those of all transcripts. One row per meeting and person, and one with person NULL for speakers without a name. Unknown values are NULL and counted beside it. For insight into meetings, not for decisions on employment.
-- meeting_id: Id of the meeting instance.
-- date: UTC date on which the meeting ended.
-- person: Key of the person as in attendance; `name:` and the name for a speaker who is not a participant; NULL for speakers without a name.
-- display_name: Name shown in the meeting, else the one in the transcript.
-- email_domain: Domain of the person's address, in lower case; kept where the address is not.
-- side: internal, external or unknown, by the domain of the address.
-- method: How the person was identified: email, name, ambiguous, unmatched or unknown (see speakers); the first of these that a snippet has.
-- snippets: Number of snippets.
-- untimed_snippets: Snippets without an offset or length; they add no time.
-- words: Words separated by white space; NULL when no snippet's words can be counted.
-- uncounted_snippets: Snippets whose words are not counted: without text, or in a script without spaces (Chinese, Japanese, Thai …).
-- talk_seconds: Time spoken, in seconds; NULL when no snippet has a time.
-- share_of_speech: talk_seconds divided by the sum over all speakers of the meeting, 0 to 1; NULL for speakers without a name.
-- share_of_meeting: talk_seconds divided by the meeting's duration, 0 to 1; NULL for speakers without a name.
-- covered_seconds: Part of the meeting that its transcripts cover, each from its first to its last snippet, in seconds.
-- share_of_covered: talk_seconds divided by covered_seconds, 0 to 1; NULL for speakers without a name.
CREATE VIEW talk_time AS
SELECT
    meeting_id,
    date,
    person,
    display_name,
    email_domain,
    side,
    method,
    snippets,
    untimed_snippets,
    words,
    uncounted_snippets,
    talk_seconds,
    share_of_speech,
    share_of_meeting,
    covered_seconds,
    share_of_covered
FROM speaker_metrics
