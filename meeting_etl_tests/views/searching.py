"""A transcript in many scripts, and what a search finds in it."""

from typing import Any

from meeting_etl_tests.views.lakes import clock

TEXTS = [
    "Im Café",
    "CAFE noir",
    "cafe\u0301 frappe\u0301",
    "Die Größe von Søren",
    "see a.b or acb",
    "it is 50% of C++ (new) \\d",
    "price\r\n  increase",
    "price\u00a0increase",
    "the price is an increase",
    "Спасибо, понятно.",
    "Ёлка и Надежда",
    "धन्यवाद।",
    "धान",
    "ありがとうございます。",
    "ありかとう",
    "شُكْرًا جزيلا.",
    "أهلا",
    "שָׁלוֹם",
    "안녕하세요 여러분",
    "涨价 王 曉嵐",
    "Ευχαριστώ ΠΟΛΎΣ",
    "Nguyễn Thảo Liên",
    "Świętosława",
    "ok 👍🏽 🚀",
    None,
    # Letters as one code point and as two, which NFC does not always compose.
    "\u09b9\u09df",
    "\u09b9\u09af\u09bc",
    "\u0958\u0932\u092e",
    "カ\u3099イト\u3099",
    "\uf900",
    # With signs that nobody sees.
    "می\u200cخواهم",
    "co\u00adoperate\u200b now",
    "\u200eשלום\u200f עולם",
    "مـــرحبا",
    "❤ them",
]
# Words, and the indexes of the texts in which they are.
FOUND: dict[str | None, list[int]] = {
    "cafe": [0, 1, 2],
    "CAFÉ": [0, 1, 2],
    "cafe\u0301": [0, 1, 2],
    "frappe": [2],
    "große": [3],
    "grosse": [],
    "søren": [3],
    "soren": [],
    "a.b": [4],
    "50%": [5],
    "5%": [],
    "C++ (new)": [5],
    "c++\u00a0(NEW)": [5],
    "\\d": [5],
    "[a-z]": [],
    "price increase": [6, 7],
    "  Price \n\t increase ": [6, 7],
    "спасибо": [9],
    "елка": [10],
    "НАДЁЖДА": [10],
    "धन्यवाद": [11],
    "धन": [11],
    "ありがとう": [13],
    "ありかとう": [14],
    "شكرا": [15],
    "اهلا": [16],
    "שלום": [17, 32],
    "안녕": [18],
    "涨价": [19],
    "王 曉": [19],
    "ευχαριστω": [20],
    "πολυς": [20],
    "nguyen thao": [21],
    "swietos": [22],
    "swietosl": [],
    "SWIETOSŁ": [22],
    "👍": [23],
    "🚀": [23],
    "\u09b9\u09df": [25, 26],
    "\u09b9\u09af\u09bc": [25, 26],
    "\u0958\u0932": [27],
    "\u0915\u093c\u0932": [27],
    "ガイド": [28],
    "\u8c48": [29],
    "\uf900": [29],
    "میخواهم": [30],
    "می\u200cخواهم": [30],
    "cooperate now": [31],
    "\u200f שלום\u200e": [17, 32],
    "שלום עולם": [32],
    "مرحبا": [33],
    "❤\ufe0f them": [34],
    "": [],
    "\ufeff\u200b": [],
    " \n\u00a0": [],
    None: [],
}


def transcript() -> dict[str, list[dict[str, Any]]]:
    """Rows of a meeting in which these texts are said, one a second from 10:00."""
    ids = {"meeting_id": "m", "transcript_id": "t"}
    meeting = {"meeting_id": "m", "title": "Talks", "started_at": clock("10:00")}
    return {
        "meetings": [meeting | {"ended_at": clock("11:00")}],
        "transcripts": [ids | {"status": "available"}],
        "transcript_snippets": [
            ids
            | {
                "snippet_id": f"s{index}",
                "snippet_index": index,
                "text": text,
                "person_name": "Ana" if index % 2 else None,
                "person_email": "ana@sales.example",
                "offset_ms": 1000 * index,
            }
            for index, text in enumerate(TEXTS)
        ],
    }


def search(words: str | None) -> str:
    """The query for what is found."""
    literal = "NULL" if words is None else "'" + words.replace("'", "''") + "'"
    return f"SELECT snippet_index FROM search_transcripts({literal}, NULL, NULL)"
