"""Words and questions of each snippet, counted once from the clear text, before it may be dropped.

Belongs here: the rules of counting, and which rows are counted. Does not: sums for a speaker
(metrics.sql), what happens to the text.
"""

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.privacy.mentions import BLANKED
from meeting_etl.schemas import TRANSCRIPT_SNIPPETS, Table

_WORD = r"[^\s\p{Z}\x0b\x{85}]+"
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
_QUESTION = "[?\uff1f\u061f]+"


def with_counts(table: Table, rows: pa.Table) -> pa.Table:
    """Rows of any table; snippets with their text in clear that have no counts yet get them."""
    if table is not TRANSCRIPT_SNIPPETS:
        return rows
    stays = pc.or_(rows["questions"].is_valid(), pc.equal(rows["text"], BLANKED).fill_null(True))
    if pc.all(stays).as_py():
        return rows
    text = pc.if_else(stays, None, rows["text"])
    is_unspaced = pc.match_substring_regex(text, _UNSPACED)
    words = pc.if_else(is_unspaced, None, pc.count_substring_regex(text, _WORD))
    questions = pc.count_substring_regex(text, _QUESTION)
    for name, counts in (("words", words), ("questions", questions)):
        place = rows.schema.get_field_index(name)
        counts = pc.if_else(stays, rows[name], counts.cast(pa.int64()))
        rows = rows.set_column(place, rows.schema.field(place), counts)
    return rows
