"""Mentions of erased persons in free text."""

import pytest

from meeting_etl.privacy.erasures import name_digests
from meeting_etl.privacy.mentions import Mentions
from meeting_etl.privacy.pseudonyms import Pseudonyms

PSEUDONYMS = Pseudonyms(b"a key for tests")


def blanked(text: str, *names: str, address: str = "ann@sales.example") -> str:
    words = [each for name in names for each in name_digests(PSEUDONYMS, name, set())[1]]
    return Mentions(PSEUDONYMS, words, {PSEUDONYMS.address_digest(address)}).blank(text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Ann Lee", "Ask Ann Lee.", "Ask [erased]."),
        ("Ann Lee", "Ask ANN  lee, or Ann\nLee's team", "Ask [erased], or [erased]'s team"),
        ("Ann Lee", "Lee, Ann; ann.lee; Ann-Lee", "[erased]; [erased]; [erased]"),
        ("Ann Lee", "Joann Leeson and Ann Leeson, Ann and Lee", None),
        ("Ann Lee", "Ann Lee Ann Lee", "[erased] [erased]"),
        ("Ann Maria Lee", "Ann Lee met Ann Maria Lee", "Ann Lee met [erased]"),
        ("Zoë Öz", "ZOË ÖZ und Zoë Özil", "[erased] und Zoë Özil"),
        ("J. (Bob) [.*]+ Smith", "bob smith; J. (Bob) [.*]+ Smith", "bob smith; [erased]"),
        ("山田太郎", "山田太郎さん", "[erased]さん"),
        ("山田 太郎", "今日は山田太郎と", "今日は[erased]と"),
        ("Ann 🎉 Lee", "Ann 🎉 Lee and Ann Lee", "[erased] and [erased]"),
        ("Anna", "Anna was here", None),
        ("प्रिया शर्मा", "प्रिया शर्मा ने कहा, प्रिया शर्मामणि", "[erased] ने कहा, प्रिया शर्मामणि"),
    ],
)
def test_names(name: str, text: str, expected: str | None) -> None:
    assert blanked(text, name) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail <Ann@Sales.Example>, now", "mail <[erased]>, now"),
        ("mailto:ann@sales.example?", "mailto:[erased]?"),
        ("joann@sales.example ann@sales.example.com", None),
        ("ann@sales.example.", "[erased]."),
        ("'ann@sales.example' *ann@sales.example*", "'[erased]' *[erased]*"),
        ("連絡はann@sales.exampleまで。", "連絡は[erased]まで。"),
        ("ann@sales.example/ann@sales.example", "[erased]/[erased]"),
    ],
)
def test_addresses(text: str, expected: str | None) -> None:
    assert blanked(text) == (text if expected is None else expected)


def test_combining_marks_are_part_of_a_word() -> None:
    assert blanked("Ask Zoe\u0308 Lee", "Zoe\u0308 Lee") == "Ask [erased]"
    assert blanked("Ask Zoe\u0308 Lee", "Zoe Lee") == "Ask Zoe\u0308 Lee"


def test_both_spellings_of_an_accent_are_the_same_name() -> None:
    assert blanked("Ask Zoe\u0308 Lee", "Zo\u00eb Lee") == "Ask [erased]"


def test_crossed_out_text_keeps_its_length_in_bytes() -> None:
    words = name_digests(PSEUDONYMS, "Zoë Öz", set())[1]
    text = Mentions(PSEUDONYMS, words, set()).crossed_out("<Zoë Öz>")
    assert text == "<xxxxxxxx>"


def test_words_that_were_seen_before_are_still_found() -> None:
    words = name_digests(PSEUDONYMS, "Ann Lee", set())[1]
    mentions = Mentions(PSEUDONYMS, words, set())
    for _ in range(2):
        assert mentions.blank("Ann said Lee") == "Ann said Lee"
        assert mentions.blank("ANN lee") == "[erased]"
