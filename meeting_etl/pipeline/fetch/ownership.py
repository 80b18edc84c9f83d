"""Of which meeting an item of a listing is, as far as the item says.

Belongs here: the ids, hosts and times in items of the API. Does not: what is done with items of
other meetings (windows.py, pipeline/resources/meeting_rows.py).
"""

from datetime import datetime, timedelta
from typing import Any

from meeting_etl.pipeline.fetch.spec import Item, Target
from meeting_etl.privacy.pseudonyms import is_replaced
from meeting_etl.times import parse_timestamp

_INSTANCE_MARK = "_I_"
# Recording may start a moment before the meeting, by another clock.
_TOLERANCE = timedelta(minutes=15)


def named_instance(item: Item, key: str) -> str | None:
    """The meeting instance that an item names; None for another id, a blank or none at all."""
    named = item.get(key)
    return named if isinstance(named, str) and _INSTANCE_MARK in named else None


def same_series(item: Item, target: Target) -> bool:
    """Whether no id in an item contradicts that it is of the target's series."""
    series = target.meeting_id.partition("_")[0]
    ids = (item.get(name) for name in ("meetingId", "scheduledMeetingId", "meetingSeriesId"))
    return all(id_.partition("_")[0] == series for id_ in ids if isinstance(id_, str) and id_)


def may_own(target: Target, item: Item, key: str) -> bool:
    """Whether an item that is broken or names no meeting could be of the target's."""
    owner = named_instance(item, key)
    if owner is not None:
        return owner == target.meeting_id
    if item.get("format") == "UPLOADED" or not same_series(item, target):
        return False
    host, own_host = item.get("hostEmail"), target.meeting["host_email"]
    is_known = own_host and not is_replaced(own_host)
    if is_known and isinstance(host, str) and own_host.lower() != host.lower():
        return False
    started_at = _moment(item.get("timeRecorded")) or _moment(item.get("startTime"))
    if started_at is not None:
        return target.started_at - _TOLERANCE <= started_at <= target.ended_at + _TOLERANCE
    created_at = _moment(item.get("createTime"))
    return created_at is None or created_at >= target.started_at


def _moment(value: Any) -> datetime | None:
    try:
        return parse_timestamp(value) if isinstance(value, str) and value else None
    except ValueError:
        return None
