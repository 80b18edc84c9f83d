"""Text as good senders get it wrong, put right.

Belongs here: what both webhook lines and API answers need before they can be read as JSON. Does
not: what is in them.
"""

import re

_SURROGATES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\.",
    re.DOTALL,
)


def whole_characters(document: bytes) -> bytes:
    """JSON in which each half of a surrogate pair has become U+FFFD.

    JavaScript cuts a text between the halves of a pair; such a half stands for no character.
    """
    return _SURROGATES.sub(lambda match: rb"\ufffd" if match[1] else match[0], document)
