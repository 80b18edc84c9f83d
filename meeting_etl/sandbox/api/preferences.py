"""The endpoint on the caller's own preferences.

Belongs here: GET /meetingPreferences/sites. Does not: the content of a site (meetings.py,
recordings_and_transcripts.py).
"""

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.results import Item, Result


def list_sites(context: RequestContext) -> Result:
    """GET /meetingPreferences/sites: the sites of the caller; `default` is the preferred one (T40).

    The object has `sites` where others have `items`, and no pages.
    """
    preferred = context.caller.site_url
    sites = sorted({*context.index.world.sites, preferred})
    return Item({"sites": [{"siteUrl": site, "default": site == preferred} for site in sites]})
