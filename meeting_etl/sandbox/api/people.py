"""/people/me: whose token it is.

Belongs here: what it shows of the caller. Does not: meetings (meetings.py), tokens (oauth.py).
"""

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.results import Item, Result
from meeting_etl.sandbox.world.model import cisco_id


def get_me(context: RequestContext) -> Result:
    """GET /people/me."""
    caller = context.caller
    return Item(
        {
            "id": caller.user_id,
            "emails": [caller.email],
            "displayName": caller.name,
            "orgId": cisco_id("ORGANIZATION", context.index.world.org_id),
            "type": "person",
            "created": "2019-05-06T07:08:09.000Z",
        }
    )
