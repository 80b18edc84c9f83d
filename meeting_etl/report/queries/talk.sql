WITH named AS (
    SELECT *, coalesce(display_name, person, 'speakers without a name') AS name
    FROM talk_time
    WHERE meeting_id = $meeting_id AND talk_seconds > 0
)
SELECT
    CASE WHEN count(*) OVER (PARTITION BY name) > 1 THEN name || ' (' || coalesce(person, '?') || ')' ELSE name END AS speaker,
    side,
    round(talk_seconds / 60, 1) AS minutes,
    round(share_of_speech, 3) AS share_of_speech,
    words
FROM named
ORDER BY talk_seconds DESC, person
LIMIT 40
