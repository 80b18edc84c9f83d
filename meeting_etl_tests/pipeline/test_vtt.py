"""WebVTT files, written by hand."""

import pytest

from meeting_etl.errors import BadResponse
from meeting_etl.pipeline.resources.vtt import Cue, Vtt, read_vtt
from meeting_etl_tests.pipeline.cues import cues, listed, said


def one(payload: str) -> list[tuple[str | None, str]]:
    """What is read from a file with one cue."""
    return said(f"WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\n{payload}\n")


def test_the_official_sample() -> None:
    text = (
        "WEBVTT\n\n1\n00:00:20.904 --> 00:00:24.564\nThis is an s sample recording.\n\n"
        "2\n00:00:31.014 --> 00:00:33.744\nTesting out transcripts.\n"
    )
    assert cues(text) == [
        Cue("This is an s sample recording.", None, 20_904, 3_660),
        Cue("Testing out transcripts.", None, 31_014, 2_730),
    ]


def test_all_that_is_no_cue_is_passed_over() -> None:
    text = (
        "\ufeffWEBVTT - of a meeting\r\nKind: captions\r\nLanguage: en\r\n\r\n"
        "STYLE\r\n::cue(.loud) { color: red }\r\n\r\n"
        "REGION\r\nid:left width:40%\r\n\r\n"
        "NOTE made by hand\r\nin two lines\r\n\r\n\r\n"
        "opening\r\n1:02:03.004 --> 1:02:04.504 align:start line:0\r\nHello,\r\nall of you.\r\n\r\n"
        "NOTE\r\nthe end\r\n\r\n"
        "01:05.006 --> 02:00.000\r\nBye."
    )
    # 1 h 2 min 3 s is 3,723 s.
    assert cues(text) == [
        Cue("Hello,\nall of you.", None, 3_723_004, 1_500),
        Cue("Bye.", None, 65_006, 54_994),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way(newline: str) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\n00:02.000 --> 00:03.000\nTwo\n"
    assert [cue.text for cue in cues(text.replace("\n", newline))] == ["One", "Two"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<v Ana Luz>So be it.</v>", [("Ana Luz", "So be it.")]),
        ("<v.loud.first  Ana   Luz>So be it.", [("Ana Luz", "So be it.")]),
        (
            "<v Ana &amp; Co>R&amp;D &lt;b&gt; it&#39;s&nbsp;so",
            [("Ana & Co", "R&D <b> it's\xa0so")],
        ),
        ("<v Ana>We <i>must</i> <c.red>go</c> <00:00:01.500>now</v>", [("Ana", "We must go now")]),
        ("<v Ana>Yes</v>\n<v Bo>No</v>", [("Ana", "Yes"), ("Bo", "No")]),
        ("Hm. <v Ana>Yes", [(None, "Hm."), ("Ana", "Yes")]),
        ("<v>Who?", [(None, "Who?")]),
        ("<v Ana Lu", [(None, "")]),
        ("<v Ana>Yes</", [("Ana", "Yes")]),
        (
            "Since 3 < 4 and 5 > 4, AT&T; &amp;lt; &lt",
            [(None, "Since 3 < 4 and 5 > 4, AT&T; &lt; &lt")],
        ),
        (" two  spaces ", [(None, " two  spaces ")]),
    ],
)
def test_voices_tags_and_entities(payload: str, expected: list[tuple[str | None, str]]) -> None:
    assert one(payload) == expected


def test_speakers_in_front_of_the_text() -> None:
    text = listed(
        "Ana Luz: It is 10:30.", "Dr. Bo Ek, Jr.: Note: we must go.", "Go!", "佐伯 千尋: はい"
    )
    assert said(text) == [
        ("Ana Luz", "It is 10:30."),
        ("Dr. Bo Ek, Jr.", "Note: we must go."),
        (None, "Go!"),
        ("佐伯 千尋", "はい"),
    ]


def test_half_of_the_cues_are_enough_for_speakers_and_fewer_are_not() -> None:
    assert said(listed("Ana: Yes", "No")) == [("Ana", "Yes"), (None, "No")]
    plain = listed("Note: we must go.", "Yes", "No")
    assert said(plain) == [(None, "Note: we must go."), (None, "Yes"), (None, "No")]


@pytest.mark.parametrize(
    "text",
    [
        "I say so. And this: go.",
        "Really? Look: go.",
        "https://corvane.example/a",
        "At 10:30 we go",
        f"{'x' * 81}: go",
        " Ana: go",
    ],
)
def test_what_is_no_speaker(text: str) -> None:
    assert one(text) == [(None, text)]


def test_where_one_cue_has_a_voice_prefixes_are_text() -> None:
    assert said(listed("<v Ana>Note: go", "Bo: yes")) == [("Ana", "Note: go"), (None, "Bo: yes")]


def test_text_after_an_empty_line_within_a_cue_is_kept() -> None:
    text = (
        "WEBVTT\n\n1\n00:00:03.000 --> 00:00:04.000\n<v Ada Moor>We agreed\n\nto ship\n\n42\n\n"
        "at 10:30</v>\n\n2\n00:00:05.000 --> 00:00:06.000\n\nFine\n"
    )
    assert said(text) == [("Ada Moor", "We agreed\nto ship\n42\nat 10:30"), (None, "Fine")]


def test_cues_without_an_empty_line_between_them_keep_their_numbers_to_themselves() -> None:
    text = (
        "WEBVTT\n\n8\n00:00:01.000 --> 00:00:02.000\nHow many?\n9\n"
        "00:00:02.000 --> 00:00:03.000\nTwelve\n12\n10\n00:00:03.000 --> 00:00:04.000\nYes\n300\n"
        "00:00:04.000 --> 00:00:05.000\nGo"
    )
    # 300 does not follow 10: somebody said it.
    assert [cue.text for cue in cues(text)] == ["How many?", "Twelve\n12", "Yes\n300", "Go"]


def test_speakers_in_the_identifiers_of_cues() -> None:
    text = (
        'WEBVTT\n\n1 "Ada ""Ace"" Moor" (41)\n00:00:01.000 --> 00:00:02.000\nHello\n'
        '2 "Bo Ek" (aa-7)\n00:00:02.000 --> 00:00:03.000\nNote: yes\n\n'
        '3 "" (0)\n00:00:03.000 --> 00:00:04.000\nWho?\n'
    )
    assert said(text) == [('Ada "Ace" Moor', "Hello"), ("Bo Ek", "Note: yes"), (None, "Who?")]


def test_quotes_wide_characters_and_ids_in_identifiers() -> None:
    """Backslashed quotes, a comma, wide characters, an empty name; the id is the speaker's."""
    text = (
        'WEBVTT\n\n1 "Ada \\"Ace\\" Moor, Dr." (41)\n00:00:01.000 --> 00:00:02.000\nOne\n\n'
        '2 "山田 花子" (b 7)\n00:00:02.000 --> 00:00:03.000\nTwo\n\n'
        '3 "" ()\n00:00:03.000 --> 00:00:04.000\nThree\n'
    )
    assert [(cue.speaker, cue.speaker_id) for cue in cues(text)] == [
        ('Ada "Ace" Moor, Dr.', "41"),
        ("山田 花子", "b 7"),
        (None, None),
    ]


def test_times_with_commas_are_read_and_commas_in_texts_stay() -> None:
    text = "WEBVTT\n\n1\n00:01:02,250 --> 01:03,5 line:0,1\nIt is 10:30,5\n"
    assert cues(text) == [Cue("It is 10:30,5", None, 62_250, 1_250)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_read(encoding: str) -> None:
    text = "\ufeffWEBVTT\r\n\r\n00:00:01.000 --> 00:00:02.000\r\nGrüße, 佐伯\r\n"
    assert read_vtt(text.encode(encoding)) == Vtt((Cue("Grüße, 佐伯", None, 1000, 1000),), 0)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("佐伯：はい", ("佐伯", "はい")),
        ("佐伯： はい: そう", ("佐伯", "はい: そう")),
        ("(Ada Moor)\nHello\nall", ("Ada Moor", "Hello\nall")),
        ("（佐伯 千尋）\nはい", ("佐伯 千尋", "はい")),
        ("(Ada Moor) Hello", (None, "(Ada Moor) Hello")),
        ("(Ada Moor)", (None, "(Ada Moor)")),
        ("(Laughter)\nYes", (None, "(Laughter)\nYes")),
        ("(He left. Really.)\nYes", (None, "(He left. Really.)\nYes")),
        ("Note: go", (None, "Note: go")),
    ],
)
def test_names_before_a_wide_colon_or_alone_in_parentheses(
    payload: str, expected: tuple[str | None, str]
) -> None:
    assert one(payload) == [expected]


def test_what_looks_like_a_spoilt_cue_is_counted_and_not_said_by_the_one_before() -> None:
    text = (
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nOne\n\n00:00:02.000 to 00:00:03.000\nTwo\n\n"
        "3\n00:00:03.000 --> 00:00:04.000\nThree\n\n4"
    )
    found = read_vtt(text.encode())
    assert [cue.text for cue in found.cues] == ["One", "Three"]
    assert found.unreadable == 2


def test_an_entity_of_no_character_is_text() -> None:
    long = f"&#{'9' * 5_000};"
    (cue,) = read_vtt(f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{long}\n".encode()).cues
    assert cue.text == long


def test_a_broken_cue_costs_no_other_one() -> None:
    text = (
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nOne\n\n"
        "2\n00:00:02.000 -> 00:00:03.000\nNo arrow\n\n"
        "3\n00:99:02.000 --> 00:00:03.000\nNo such minute\n\n"
        "4\nsoon --> later\nNo time\n\n"
        "A second paragraph\n\n"
        "5\n00:00:05.000 --> 00:00:04.000\nEnds before it begins\n"
        "00:00:06.000 --> 00:00:07.000\nNo empty line before\n\n"
        "7\n00:00:08.000 --> 00:0"
    )
    found = read_vtt(text.encode())
    assert found.cues == (
        Cue("One", None, 1000, 1000),
        Cue("Ends before it begins", None, 5000, None),
        Cue("No empty line before", None, 6000, 1000),
    )
    assert found.unreadable == 5


def test_a_file_without_its_head_and_one_of_wrong_bytes() -> None:
    assert cues("00:00:01.000 --> 00:00:02.000\nOne") == [Cue("One", None, 1000, 1000)]
    found = read_vtt(b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n\xff\xfeOne")
    assert found.cues == (Cue("\ufffd\ufffdOne", None, 1000, 1000),)


@pytest.mark.parametrize(
    "text", ["", "WEBVTT", "WEBVTT\n", "\ufeffWEBVTT - none\n\nNOTE nothing\n"]
)
def test_a_file_without_cues_is_empty(text: str) -> None:
    assert read_vtt(text.encode()) == Vtt((), 0)


@pytest.mark.parametrize(
    "content", [b"\n", b"<html><body>Sorry</body></html>", b'{"message": "no"}', b"\x00\xff"]
)
def test_what_is_no_vtt_is_a_fault(content: bytes) -> None:
    with pytest.raises(BadResponse, match="not WebVTT"):
        read_vtt(content)
