"""/people/me: whose token it is.

Belongs here: what it shows of the caller. Does not: meetings (meetings.py), tokens (oauth.py).
"""

from meeting_etl.sandbox.api.answers import Answer, Item, RequestContext
from meeting_etl.sandbox.world.model import cisco_id


def get_me(ask: RequestContext) -> Answer:
    """GET /people/me."""
    caller = ask.caller
    return Item(
        {
            "id": caller.user_id,
            "emails": [caller.email],
            "displayName": caller.name,
            "orgId": cisco_id("ORGANIZATION", ask.index.world.org_id),
            "type": "person",
            "created": "2019-05-06T07:08:09.000Z",
        }
    )
