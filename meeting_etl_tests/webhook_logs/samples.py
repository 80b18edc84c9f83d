"""Payloads as Webex posts them: the guide's meeting, host and site replaced by invented ones."""

import json
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MEETING_ID = "501e995485e2460bb129410116757b13_I_194316955237236650"
SERIES_ID = "501e995485e2460bb129410116757b13"
SCHEDULED_ID = "501e995485e2460bb129410116757b13_20210514T203000Z"


def ended(**data: Any) -> dict[str, Any]:
    """The guide's meetings/ended payload, its data changed as told."""
    return {
        "id": "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL1dFQkhPT0svNDk5ZjkxZjI",
        "name": "Meeting Ended Webhook",
        "targetUrl": "https://hooks.example/c231a24c-8a04-42b6-a7ed-85ff1a51b60b",
        "resource": "meetings",
        "event": "ended",
        "orgId": "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi81NWM1YWUzZi04ZDdmLTQyN2I",
        "createdBy": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9hYzAxZjUzMi1kMDIyLTRmOGU",
        "appId": "Y2lzY29zcGFyazovL3VzL0FQUExJQ0FUSU9OL0NmMzkyNWU5NDFmMzhhYTc0M2Y",
        "ownedBy": "creator",
        "status": "active",
        "created": "2021-05-14T20:20:01.024Z",
        "data": {
            "id": MEETING_ID,
            "meetingType": "meeting",
            "timezone": "UTC",
            "start": "2021-05-14T20:25:19Z",
            "end": "2021-05-14T20:26:54Z",
            "hostUserId": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9hYzAxZjUzMi1kMDIyLTRmOGU",
            "state": "ended",
            "hostEmail": "ada.host@acme.example",
            "siteUrl": "acme.webex.example",
            "orgId": "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
        }
        | data,
    }


def payload(resource: str, event: str, **data: Any) -> dict[str, Any]:
    """The least that is a payload."""
    return {"resource": resource, "event": event, "data": data}


def line(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def envelope(body: object, **fields: Any) -> bytes:
    return line({**fields, "body": body})
