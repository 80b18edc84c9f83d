"""Posting: a world's events, sent to the webhooks that were registered for them.

Belongs here: which webhooks get an event, the request, and what a failure does to the webhook.
Does not: what happened when (sandbox/world/deliveries.py), the webhooks (webhook_registry.py).
"""

import hmac
import http.client
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from meeting_etl.sandbox.api.webhook_registry import Hook, Registry
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.json_values import stamp_ms
from meeting_etl.sandbox.world.deliveries import Delivery, deliveries_of
from meeting_etl.sandbox.world.model import World, seeded_rng
from meeting_etl.times import Clock

_TIMEOUT_SECONDS = 10


class Posted(NamedTuple):
    """Deliveries that were answered with 2xx, that failed, that were never sent on purpose."""

    accepted: int
    failed: int
    dropped: int


class Poster:
    """Posts to the active webhooks, one request after the other, in the calling thread.

    `copies` decides how often an event is posted to a webhook.
    """

    def __init__(
        self,
        world: World,
        registry: Registry,
        clock: Clock,
        counters: Counters,
        copies: Callable[[Mapping[str, Any]], int] = lambda payload: 1,
    ) -> None:
        self._world = world
        self._meetings = {meeting.id: meeting for meeting in world.meetings}
        self._registry = registry
        self._clock = clock
        self._counters = counters
        self._copies = copies
        self._deliveries: list[Delivery] | None = None

    def play(self, since: datetime, until: datetime) -> Posted:
        """Post the world's events after `since` and up to `until`, in order."""
        if self._deliveries is None:
            self._deliveries = sorted(
                _events_of(self._world), key=lambda delivery: delivery.received_at
            )
        return self.post(
            delivery.payload
            for delivery in self._deliveries
            if since < delivery.received_at <= until
        )

    def post(self, payloads: Iterable[Mapping[str, Any]]) -> Posted:
        """Post each of these to every active webhook that is for it.

        Payloads are as sandbox/world/deliveries.py makes them; the fields about the webhook are
        filled in.
        """
        accepted = failed = dropped = 0
        for payload in payloads:
            for hook in self._registry.all():
                if not self._matches(hook, payload):
                    continue
                copies = self._copies(payload)
                dropped += copies == 0
                for _ in range(copies):
                    arrived = self._send(hook, payload)
                    accepted, failed = accepted + arrived, failed + (not arrived)
        return Posted(accepted, failed, dropped)

    def _matches(self, hook: Hook, payload: Mapping[str, Any]) -> bool:
        """Whether the webhook is for that event, and its user can see the meeting (T10)."""
        if hook.status != "active":
            return False
        if (hook.resource, hook.event) != (payload["resource"], payload["event"]):
            return False
        data = payload["data"]
        for part in filter(None, (hook.filter or "").split("&")):
            name, _, value = part.partition("=")
            if data.get(name) != value:
                return False
        if hook.owned_by == "org" or data.get("hostEmail") == hook.creator.email:
            return True
        meeting = self._meetings.get(data.get("meetingId", data["id"]))
        return meeting is not None and meeting.involves(hook.creator.email)

    def _send(self, hook: Hook, payload: Mapping[str, Any]) -> bool:
        body = msgspec.json.encode(_addressed(hook, payload))
        headers = {"Content-Type": "application/json"}
        if hook.secret:
            headers["X-Spark-Signature"] = hmac.new(hook.secret.encode(), body, "sha1").hexdigest()
        if 200 <= _status(hook.target_url, body, headers) < 300:
            return True
        if self._registry.note_failure(hook, self._clock.now()):
            self._counters.note_injected("disabled_webhook")
        return False


def _events_of(world: World) -> Iterable[Delivery]:
    """All events of the world."""
    if world.webhook is not None:
        return [Delivery(meeting.ended_at, world.webhook) for meeting in world.meetings]
    return deliveries_of(world, seeded_rng("play", world.seed))


def _addressed(hook: Hook, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as this webhook posts it: `created` is the webhook's, not the event's."""
    envelope = {
        "id": hook.id,
        "name": hook.name,
        "targetUrl": hook.target_url,
        "filter": hook.filter,
        "createdBy": hook.creator.user_id,
        "ownedBy": hook.owned_by,
        "status": "active",
        "created": stamp_ms(hook.created_at),
    }
    return {**payload, **{name: value for name, value in envelope.items() if value is not None}}


def _status(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Status of the answer to POST; 0 when there is none. Redirects are not followed."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
