"""Paths of requests.

Belongs here: ids as parts of a path. Does not: which paths there are (endpoints.py).
"""

from urllib.parse import quote

from meeting_etl.errors import BadResponse


def path_segment(identifier: str) -> str:
    """The id as one segment of a path. Raises BadResponse for one that would leave the path."""
    if identifier in ("", ".", ".."):
        raise BadResponse(f"{identifier!r} is not a valid id.")
    return quote(identifier, safe="")
