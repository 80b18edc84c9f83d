"""The webhooks that were registered, and when one of them is switched off.

Belongs here: what is stored of a webhook, and the rule of a hundred failures. Does not: what may be
registered by which caller (webhooks.py), posting to them (webhook_posting.py).
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from meeting_etl.sandbox.world.model import Person, cisco_id, new_uuid, seeded_rng

# T3: so many failed deliveries within this time, or one so soon after re-enabling.
_FAILURES = 100
_WITHIN = timedelta(minutes=5)


@dataclass(slots=True)
class Hook:
    """A webhook. `failures` are the moments of its last failed deliveries.

    It delivers from the first moment, but is shown from `visible_at` on.
    """

    id: str
    name: str
    target_url: str
    resource: str
    event: str
    filter: str | None
    secret: str | None
    owned_by: Literal["creator", "org"]
    creator: Person
    created_at: datetime
    visible_at: datetime
    status: Literal["active", "inactive"] = "active"
    failures: deque[datetime] = field(default_factory=lambda: deque(maxlen=_FAILURES))
    enabled_at: datetime | None = None


class Registry:
    """All webhooks, in the order of their creation. Safe to use from several threads.

    `lag` is how long a new one is not shown.
    """

    def __init__(self, seed: int, lag_seconds: int = 0) -> None:
        self.lag = timedelta(seconds=lag_seconds)
        self._chance = seeded_rng("webhooks", seed)
        self._hooks: dict[str, Hook] = {}
        self._lock = threading.Lock()

    def all(self) -> list[Hook]:
        """Every webhook of everybody."""
        with self._lock:
            return list(self._hooks.values())

    def new_id(self) -> str:
        """An id that no other webhook has."""
        with self._lock:
            return cisco_id("WEBHOOK", new_uuid(self._chance))

    def add(self, hook: Hook) -> None:
        """Register it."""
        with self._lock:
            self._hooks[hook.id] = hook

    def get(self, hook_id: str) -> Hook | None:
        """The webhook of that id."""
        with self._lock:
            return self._hooks.get(hook_id)

    def remove(self, hook_id: str) -> None:
        """Forget it."""
        with self._lock:
            del self._hooks[hook_id]

    def enable(self, hook: Hook, now: datetime) -> None:
        """Switch it on again after it was switched off; nothing for an active one."""
        with self._lock:
            if hook.status == "inactive":
                hook.status, hook.enabled_at = "active", now
                hook.failures.clear()

    def disable(self, hook_id: str) -> None:
        """Switch it off, as Webex does after too many failures."""
        with self._lock:
            self._hooks[hook_id].status = "inactive"

    def note_failure(self, hook: Hook, now: datetime) -> bool:
        """Count a failed delivery; True if it switches the webhook off."""
        with self._lock:
            hook.failures.append(now)
            many = len(hook.failures) == _FAILURES and now - hook.failures[0] <= _WITHIN
            soon = hook.enabled_at is not None and now - hook.enabled_at <= _WITHIN
            if not (many or soon):
                return False
            hook.status = "inactive"
            return True
