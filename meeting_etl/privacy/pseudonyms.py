"""class Pseudonyms: keyed hashes in the place of addresses, names and ids of persons.

Belongs here: what is hashed, so that one person has one pseudonym in all tables, and what stands in
the place of a person. Does not: which columns are hashed (policy.py), who was erased (erasures.py),
the key (key.py).
"""

import hmac
import re
from functools import lru_cache

# In the place of a person who was erased: `erased:<n>`.
ERASED = "erased:"
_PREFIX = "anon-"
_PSEUDONYM = re.compile(rf"{_PREFIX}([0-9a-f]{{32}})(@.*)?", re.DOTALL)
_ERASED = re.compile(rf"{ERASED}[0-9]+(:[0-9a-f]+|@.*)?", re.DOTALL)
# White space as in the views (lake/analytics.py).
_SPACE = r"[\t\n\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_SPACES = re.compile(rf"{_SPACE}+")
_AT_ENDS = re.compile(rf"^{_SPACE}+|{_SPACE}+$")
_CACHED = 100_000


class Pseudonyms:
    """Keyed hashes: HMAC-SHA-256, shortened to 128 bits.

    Texts that the views take for the same address or name have the same pseudonym. A pseudonym is
    its own pseudonym, so that rows can be written again; a blank text stays as it is.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cached = lru_cache(_CACHED)(self._digest)

    def address(self, text: str) -> str:
        """`anon-<hex>@<domain>`: the domain shows who is internal."""
        plain = normalized_address(text)
        if not plain or is_replaced(text):
            return text
        at = plain.rfind("@")
        domain = plain[at:] if at >= 0 else ""
        return f"{_PREFIX}{self.address_digest(text)}{domain}"

    def name(self, text: str) -> str:
        """`anon-<hex>`."""
        is_kept = not normalized_name(text) or is_replaced(text)
        return text if is_kept else _PREFIX + self.name_digest(text)

    def identifier(self, text: str) -> str:
        """`anon-<hex>`."""
        return text if not text or is_replaced(text) else _PREFIX + self.identifier_digest(text)

    def address_digest(self, text: str) -> str:
        """The digest of an address, or the one in its pseudonym."""
        return _digest_in(text) or self._cached("address", normalized_address(text))

    def name_digest(self, text: str) -> str:
        """The digest of a name, or the one in its pseudonym."""
        return _digest_in(text) or self._cached("name", normalized_name(text))

    def identifier_digest(self, text: str) -> str:
        """The digest of an id, or the one in its pseudonym."""
        return _digest_in(text) or self._cached("identifier", text)

    def in_meeting(self, meeting_id: str, name_digest: str) -> str:
        """The digest of a name in one meeting."""
        return self._cached("in meeting", f"{meeting_id}\0{name_digest}")

    def word_digest(self, word: str) -> str:
        """The digest of one word of a name."""
        return self._cached("word", word)

    def _digest(self, kind: str, text: str) -> str:
        message = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256").hex()[:32]


def is_replaced(text: str) -> bool:
    """Whether a text stands in the place of a person: a pseudonym, or `erased:<n>`."""
    return _digest_in(text) is not None or _ERASED.fullmatch(text) is not None


def normalized_address(text: str) -> str:
    """Trimmed and in lower case."""
    return lower(_AT_ENDS.sub("", text))


def normalized_name(text: str) -> str:
    """Trimmed, in lower case, with runs of white space as one blank."""
    return lower(_SPACES.sub(" ", text).strip(" "))


def lower(text: str) -> str:
    """Lower case letter by letter, as DuckDB does it."""
    return text.lower() if text.isascii() else "".join(char.lower()[:1] for char in text)


def _digest_in(text: str) -> str | None:
    found = _PSEUDONYM.fullmatch(text)
    return found[1] if found else None
