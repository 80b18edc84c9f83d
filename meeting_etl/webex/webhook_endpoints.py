"""Webhook endpoints: one method for each request to /webhooks.

Belongs here: the requests, and that no secret gets into an error. Does not: which webhooks should
exist (webhook_spec.py), nor the order of requests (webhook_sync.py).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from meeting_etl.errors import MeetingEtlError
from meeting_etl.webex.listings import Listing, Listings
from meeting_etl.webex.paths import path_segment

# requests is loaded when a client is made.
if TYPE_CHECKING:
    from meeting_etl.webex.client import Client


class WebhookEndpoints:
    """The webhooks that one token can see and change. Every method raises what `Client` raises."""

    def __init__(self, client: "Client", listings: Listings) -> None:
        self._client = client
        self._listings = listings

    def list(self, *, org: bool) -> Listing:
        """The token owner's webhooks, or those of the organization, from GET /webhooks.

        Each may contain its secret, which must not be stored or shown.
        """
        return self._listings.all("/webhooks", {"ownedBy": "org"} if org else {})

    def create(self, document: Mapping[str, str]) -> dict[str, Any]:
        """The new webhook, from POST /webhooks: name, targetUrl, resource and event are required.

        After BadResponse it may have been created anyway: list the webhooks before trying again.
        """
        with _without_secret(document.get("secret")):
            return self._client.post("/webhooks", document)

    def update(self, webhook_id: str, document: Mapping[str, str]) -> dict[str, Any]:
        """The changed webhook, from PUT /webhooks/{id}: name and targetUrl are required.

        These, the secret and the status `active` can be set; everything else is read-only.
        """
        with _without_secret(document.get("secret")):
            return self._client.put(f"/webhooks/{path_segment(webhook_id)}", document)

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook, by DELETE /webhooks/{id}."""
        self._client.delete(f"/webhooks/{path_segment(webhook_id)}")


@contextmanager
def _without_secret(secret: str | None) -> Iterator[None]:
    """Remove the secret from errors: Webex's message may quote the request."""
    try:
        yield
    except MeetingEtlError as error:
        if secret:
            error.args = (str(error).replace(secret, "…"), *error.args[1:])
        raise
