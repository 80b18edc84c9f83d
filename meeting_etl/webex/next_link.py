"""The next link: from the Link header of one page to the URL of the next page.

Belongs here: reading the header, and everything that a next link may get wrong. Does not: fetching
the pages (pagination.py). Next links are never logged or stored: they can contain e-mail addresses.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_plus, urlencode, urljoin, urlsplit

from meeting_etl.errors import BadResponse
from meeting_etl.webex.transport import origin

# `requests.utils.parse_header_links` splits within quotes and accepts what is not a link.
# Values are in double quotes, in single ones, as some servers write them, or plain.
_VALUE = r"""(?:"((?:[^"\\]|\\.)*)"|'([^'"<>]*)'|([^\s;,"'][^\s;,"]*)?)"""
_PARAMETER = rf'\s*;\s*([^\s;,="<>]+)(?:\s*=\s*{_VALUE})?'
_LINK = re.compile(rf"<([^<>]*)>((?:{_PARAMETER})*)")
_EACH_PARAMETER = re.compile(_PARAMETER)
_SAFE = "%/:=&?~+!$,;'@()*[]"
# What changes from page to page; all other parameters are the same for all pages.
_PAGE_PARAMETERS = frozenset({"cursor", "max", "offset", "from", "to"})


@dataclass(frozen=True)
class PageUrl:
    """Where a page is. `original` is its URL as the link had it, where `url` is a corrected one."""

    url: str
    original: str | None = None


def next_page(link_header: str, page_url: str, params: Mapping[str, str]) -> PageUrl | None:
    """The page after the one at `page_url`, None after the last.

    `params` are those of the first page: the ones that the link lacks are added, and a filter that
    it changed is restored. The URL has the scheme, host and port of `page_url`. Raises BadResponse
    for a link to another host, and for a header that mentions a next page but cannot be parsed.
    """
    target = _next_target(link_header)
    if target is None:
        return None
    try:
        resolved = urljoin(page_url, target)
        is_same_host = origin(resolved) == origin(page_url)
    except ValueError:
        is_same_host = False
    if not is_same_host:
        path = urlsplit(page_url).path
        raise BadResponse(f"The next link of GET {path} leads to another host; not followed.")
    home, link = urlsplit(page_url), urlsplit(resolved)
    path = quote(link.path, safe=_SAFE)
    place = f"{home.scheme}://{home.netloc}{path}"
    url, original = (
        f"{place}?{query}"
        for query in (_filtered(link.query, params), quote(link.query, safe=_SAFE))
    )
    return PageUrl(url, original if original != url else None)


def with_half_max(params: Mapping[str, str]) -> dict[str, str] | None:
    """The parameters with half the `max`; None when they have none above 1."""
    value = params.get("max", "")
    if not (value.isascii() and value.isdigit()) or int(value) < 2:
        return None
    return {**params, "max": str(int(value) // 2)}


def _next_target(link_header: str) -> str | None:
    """The target of the first link that has `next` among its relations (RFC 8288).

    Raises BadResponse when only text outside of valid links mentions it: ending there would make a
    part of a listing look complete.
    """
    for link in _LINK.finditer(link_header):
        for name, *values in _EACH_PARAMETER.findall(link[2]):
            if name.lower() == "rel" and "next" in "".join(values).lower().split():
                return link[1].strip()
    if "next" in _LINK.sub("", link_header).lower():
        raise BadResponse("The Link header cannot be parsed but mentions a next page.")
    return None


def _filtered(query: str, params: Mapping[str, str]) -> str:
    """The link's query with our filters in it; a cursor stays as it is, byte for byte."""
    pieces, names = [], set()
    for piece in filter(None, query.split("&")):
        name, _, value = piece.partition("=")
        name = unquote_plus(name)
        names.add(name)
        changed = (
            name in params and name not in _PAGE_PARAMETERS and unquote_plus(value) != params[name]
        )
        pieces.append(urlencode({name: params[name]}) if changed else quote(piece, safe=_SAFE))
    missing = {name: value for name, value in params.items() if name not in names}
    return "&".join([*pieces, urlencode(missing)] if missing else pieces)
