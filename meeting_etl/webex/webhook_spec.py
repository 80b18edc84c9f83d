"""Which webhooks are expected, and the small file that remembers it.

Belongs here: what the pipeline has webhooks for, and state/webhooks.json. Does not: whether they
are there (webhook_sync.py).
"""

from dataclasses import dataclass

import msgspec

from meeting_etl.errors import StorageError
from meeting_etl.files import Files

# `event: all` would cover created, updated and deleted only (docs/webex-api-notes.md T2).
EVENTS = {
    "meetings": ("created", "updated", "deleted", "started", "ended"),
    "recordings": ("created", "updated", "deleted"),
    "meetingTranscripts": ("created",),
    "meetingParticipants": ("joined", "left"),
}
# Participants are asked for after the meeting anyway; their events are many.
USUAL = ("meetings", "recordings", "meetingTranscripts")
_FILE = "state/webhooks.json"


@dataclass(frozen=True)
class WebhookSpec:
    """Webhooks on every event of `resources`, all posting to `target_url`, without a filter.

    `org`: owned by the organization, so that they tell of all its meetings. The secret is no part
    of it: that is never kept.
    """

    target_url: str
    org: bool
    resources: tuple[str, ...]

    def pairs(self) -> list[tuple[str, str]]:
        """Resource and event of each expected webhook."""
        return [(resource, event) for resource in self.resources for event in EVENTS[resource]]


def read_webhook_spec(files: Files) -> WebhookSpec | None:
    """What was last asked for with `webhooks create` or `repair`; None when nothing was.

    Raises StorageError for a file that is not one of ours.
    """
    content = files.read_bytes(_FILE)
    if content is None:
        return None
    try:
        found = msgspec.json.decode(content, type=WebhookSpec)
        found.pairs()
    except (msgspec.DecodeError, KeyError):
        raise StorageError(
            f"{files.path(_FILE)} is damaged: say `meeting-etl webhooks create` again."
        ) from None
    return found


def write_webhook_spec(files: Files, expectation: WebhookSpec) -> None:
    """Remember what is expected from now on."""
    files.replace_bytes(_FILE, msgspec.json.encode(expectation) + b"\n")


def forget_webhook_spec(files: Files) -> None:
    """Expect no webhooks any more."""
    files.remove(_FILE)
