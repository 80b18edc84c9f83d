"""Pages: from the Link header of one page to the URL of the next.

Belongs here: reading the header, and everything that a next link may get wrong. Does not: sending
(client.py). Next links are never logged or kept: e-mail addresses can be in them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus, urlencode, urljoin, urlsplit

from meeting_etl.errors import BadResponse
from meeting_etl.webex.transport import origin

# In double quotes, or in single ones, as some write it; or plain.
_VALUE = r"""(?:"((?:[^"\\]|\\.)*)"|'([^'"<>]*)'|([^\s;,"'][^\s;,"]*)?)"""
_PARAMETER = rf'\s*;\s*([^\s;,="<>]+)(?:\s*=\s*{_VALUE})?'
_LINK = re.compile(rf"<([^<>]*)>((?:{_PARAMETER})*)")
_EACH_PARAMETER = re.compile(_PARAMETER)
_LEGAL = "%/:=&?~+!$,;'@()*[]"
# What moves from page to page; everything else that we asked for holds for all pages.
_MOVING = frozenset({"cursor", "max", "offset", "from", "to"})


@dataclass(frozen=True)
class PageUrl:
    """Where a page is.

    `given` is its URL as the link to it had it, where that is not the one that we ask for.
    """

    url: str
    given: str | None = None


def next_page(link_header: str, asked_url: str, params: Mapping[str, str]) -> PageUrl | None:
    """The page after the one at `asked_url`, None after the last.

    `params` are those of the first page: what the link lacks of them is added again, and a filter
    that it changed is set back. Always a URL of the same scheme, host and port: for any other
    link, and for a header that cannot be read but speaks of a next page, BadResponse is raised.
    """
    target = _next_target(link_header)
    if target is None:
        return None
    try:
        resolved = urljoin(asked_url, target)
        at_home = origin(resolved) == origin(asked_url)
    except ValueError:
        at_home = False
    if not at_home:
        path = urlsplit(asked_url).path
        raise BadResponse(f"The next link of GET {path} leads to another host; it is not followed.")
    home, link = urlsplit(asked_url), urlsplit(resolved)
    path = quote(link.path, safe=_LEGAL)
    place = f"{home.scheme}://{home.netloc}{path}"
    url, given = (
        f"{place}?{query}"
        for query in (_filtered(link.query, params), quote(link.query, safe=_LEGAL))
    )
    return PageUrl(url, given if given != url else None)


def with_half_max(params: Mapping[str, str]) -> dict[str, str] | None:
    """The parameters asking for half as many items; None when they name no `max` above 1."""
    value = params.get("max", "")
    if not (value.isascii() and value.isdigit()) or int(value) < 2:
        return None
    return {**params, "max": str(int(value) // 2)}


def _next_target(link_header: str) -> str | None:
    """The target of the first link that has `next` among its relations (RFC 8288).

    Raises BadResponse when there is none but in what is no link: taken for the last page, it would
    make a part of a listing look like the whole.
    """
    for link in _LINK.finditer(link_header):
        for name, *values in _EACH_PARAMETER.findall(link[2]):
            if name.lower() == "rel" and "next" in "".join(values).lower().split():
                return link[1].strip()
    if "next" in _LINK.sub("", link_header).lower():
        raise BadResponse("The Link header of an answer cannot be read, but speaks of a next page.")
    return None


def _filtered(query: str, params: Mapping[str, str]) -> str:
    """The link's query with our filters in it.

    Its own pieces stay byte for byte as they are: what is in a cursor is Webex's business.
    """
    pieces, found = [], set()
    for piece in filter(None, query.split("&")):
        name, _, value = piece.partition("=")
        name = unquote_plus(name)
        found.add(name)
        changed = name in params and name not in _MOVING and unquote_plus(value) != params[name]
        pieces.append(urlencode({name: params[name]}) if changed else quote(piece, safe=_LEGAL))
    lost = {name: value for name, value in params.items() if name not in found}
    return "&".join([*pieces, urlencode(lost)] if lost else pieces)
