"""What all objects on the wire have in common.

Belongs here: the forms of times and the leaving out of what is None. Does not: any object
(sandbox/api/json_meetings.py, sandbox/api/json_assets.py).
"""

from datetime import datetime
from typing import Any

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    """`2021-05-14T20:26:54Z`, the form of most times."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def stamp_ms(moment: datetime) -> str:
    """`2021-05-14T20:26:54.000Z`, the form of device times and of the epoch."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def present(item: Json) -> Json:
    """The object without the fields that are None: Webex leaves out what it does not have."""
    return {name: value for name, value in item.items() if value is not None}
