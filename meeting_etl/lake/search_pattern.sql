-- The regular expression for some words, from constants, so that DuckDB computes it once. In a script with accents a letter stands for all of its accented forms, with or without combining marks (all of \p{Mn} would make the pattern too large).
array_to_string([
    CASE
        WHEN letter = ' ' THEN '[\s\p{Z}\x0b\x{85}]+'
        WHEN regexp_matches(letter, '[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}]')
            THEN '[' || letter || regexp_extract({accented_letters}, '[^ ]*' || letter || '[^ ]*') || '][\x{300}-\x{36f}\x{591}-\x{5bd}\x{5bf}-\x{5c2}\x{64b}-\x{65f}\x{670}]*'
        ELSE regexp_escape(letter)
    END
    FOR letter IN regexp_extract_all(
        regexp_replace(
            trim(regexp_replace(nfc_normalize(CAST(words AS VARCHAR)), '[\s\p{Z}\x0b\x{85}]+', ' ', 'g')),
            '([\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{Mn}+', '\1', 'g'
        ),
        '(?s).'
    )
], '')
