-- The regular expression for some words, from constants, so that DuckDB computes it once. In a script with accents a letter stands for all of its accented forms, with or without combining marks (all of \p{Mn} would make the pattern too large) and invisible signs; a letter of another script for all the ways it is written in.
array_to_string([
    CASE
        WHEN letter = ' ' THEN '[\s\p{Z}\x0b\x{85}{invisible}]+'
        WHEN regexp_matches(letter, '[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}]')
            THEN '[' || letter || regexp_extract({accented_letters}, '[^ ]*' || letter || '[^ ]*') || '][\x{300}-\x{36f}\x{591}-\x{5bd}\x{5bf}-\x{5c2}\x{64b}-\x{65f}\x{670}{invisible}]*'
        ELSE coalesce(
            '(?:' || nullif(regexp_extract({written_forms}, '(?:^| )' || regexp_escape(letter) || '=([^ ]+)', 1), '') || ')',
            regexp_escape(letter) || CASE WHEN letter = chr(65039) THEN '?' ELSE '' END
        )
    END
    FOR letter IN regexp_extract_all(
        trim(regexp_replace(
            regexp_replace(nfc_normalize(CAST(words AS VARCHAR)), '[\s\p{Z}\x0b\x{85}][\s\p{Z}\x0b\x{85}{invisible}]*', ' ', 'g'),
            '^[{invisible}]+|([\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])[\p{Mn}{invisible}]+', '\1', 'g'
        )),
        '(?s) |.[{second_code_points}]?'
    )
], '')
