"""HTML as a reader would read it, by hand, and any other text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.pipeline.resources.plain_text import plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Summary of the meeting</p>", "Summary of the meeting"),
        ("<p>One</p>\n\n<div>Two<br>three</div> <b>four</b>", "One\nTwo\nthree\nfour"),
        ("R&amp;D&nbsp;&lt;now&gt; &#8211; it&#x27;s <i>so</i>", "R&D <now> – it's so"),
        ("<ul><li>One</li><li><p>Two</p></li><li> </li></ul>after", "- One\n- Two\nafter"),
        ("<ol><li>One<ul><li>in<b>ner</b></li></ul></li></ol>", "- One\n- inner"),
        ("a<script>b()</script><style>c {}</style><!-- d --><template>e</template>f", "af"),
        ("<table><tr><th>Who<th>What<tr><td>Ana<td>R&D</table>", "Who What\nAna R&D"),
        ("<SCRIPT>alert('x')</SCRIPT><p onclick='x()'>Text", "Text"),
        ("<p>never closed<li>item", "never closed\n- item"),
        ("no markup at all", "no markup at all"),
        ("https://corvane.example/a", "https://corvane.example/a"),
        ("notes.txt", "notes.txt"),
        ("<?xml version='1.0'?><p>a</p>", "a"),
        ("", ""),
    ],
)
def test_plain_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text


def test_markup_of_any_depth() -> None:
    assert plain_text("<div>" * 20_000 + "deep") == "deep"


@given(st.text(st.sampled_from("<>!-/?[]&;# \n\"'=abCDATscript")) | st.text())
def test_no_text_breaks_it(markup: str) -> None:
    try:
        text = plain_text(markup)
    except ValueError:
        return
    assert all(line and line == line.strip() for line in text.split("\n") if text)
