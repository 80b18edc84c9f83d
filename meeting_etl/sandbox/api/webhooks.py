"""/webhooks: permissions and responses (docs/webex-api-notes.md).

Belongs here: list, create, show, update, delete. Does not: what is stored (webhook_registry.py),
posting (webhook_posting.py).
"""

from urllib.parse import urlsplit

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.results import Item, Listing, NoContent, Result
from meeting_etl.sandbox.api.webhook_registry import Hook
from meeting_etl.sandbox.json_values import Json, present, stamp_ms
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import Kind

EVENTS = {
    "meetings": ("created", "updated", "deleted", "started", "ended"),
    "recordings": ("created", "updated", "deleted"),
    "meetingParticipants": ("joined", "left"),
    "meetingTranscripts": ("created",),
}
_ASSET_FILTERS = frozenset(
    "id meetingId scheduledMeetingId meetingSeriesId hostEmail hostUserId siteUrl".split()
)
FILTERS = {
    "meetings": frozenset(
        "id meetingNumber meetingType state hostEmail hostUserId siteUrl".split()
    ),
    "recordings": _ASSET_FILTERS,
    "meetingParticipants": frozenset("id meetingId state hostEmail hostPersonId siteUrl".split()),
    "meetingTranscripts": _ASSET_FILTERS,
}
# Resources that Webex has webhooks for and that none of our tokens has a scope for.
_OTHERS = frozenset(
    "attachmentActions dataSources memberships messages rooms convergedRecordings telephony_calls "
    "telephony_conference telephony_mwi uc_counters serviceApp adminBatchJobs".split()
)
_SCOPES: dict[Kind, frozenset[str]] = {
    "user": frozenset(EVENTS),
    "admin": frozenset(EVENTS),
    "compliance": frozenset({"recordings", "meetingTranscripts"}),
}
_NEEDED = ("name", "targetUrl", "resource", "event")
_KNOWN = {*_NEEDED, "filter", "secret", "ownedBy"}
_OF_THE_ORG = {"hostEmail", "hostUserId"}
_PAGE = 100


def list_webhooks(context: RequestContext) -> Result:
    """GET /webhooks: those of the caller, or with ownedBy=org those of the organization."""
    org = context.choice("ownedBy", ("org",)) is not None
    if org and context.kind == "user":
        raise Refusal(403, "Only administrators see the webhooks of the organization.")
    found = [hook for hook in context.webhooks.all() if _is_visible(context, hook)]
    return Listing([hook for hook in found if (hook.owned_by == "org") == org], _wire, _PAGE)


def create_webhook(context: RequestContext) -> Result:
    """POST /webhooks; there is one org-wide webhook for a resource, event and filter (T6)."""
    unknown = set(context.body) - _KNOWN
    if unknown:
        raise Refusal(400, f"There is no field {', '.join(sorted(unknown))}.")
    name, target_url, resource, event = (_text(context.body, field) for field in _NEEDED)
    org = _text(context.body, "ownedBy") if "ownedBy" in context.body else None
    if org not in (None, "org"):
        raise Refusal(400, "ownedBy can only be org.")
    _check_kind(context, resource, event)
    if org and context.kind == "user":
        raise Refusal(403, "Only administrators create webhooks of the organization.")
    filter_ = _text(context.body, "filter") if "filter" in context.body else None
    _check_filter(resource, filter_, org=bool(org))
    hook = Hook(
        id=context.webhooks.new_id(),
        name=name,
        target_url=_url(target_url),
        resource=resource,
        event=event,
        filter=filter_,
        secret=_text(context.body, "secret") if "secret" in context.body else None,
        owned_by="org" if org else "creator",
        creator=context.caller,
        created_at=context.now,
        visible_at=context.now + context.webhooks.lag,
    )
    if org and any(_is_same(hook, other) for other in context.webhooks.all()):
        raise Refusal(409, "The organization has a webhook for this resource, event and filter.")
    context.webhooks.add(hook)
    return Item(_wire(hook))


def get_webhook(context: RequestContext) -> Result:
    """GET /webhooks/{id}."""
    return Item(_wire(_asked(context)))


def update_webhook(context: RequestContext) -> Result:
    """PUT /webhooks/{id}: name, target, secret, and back to active; all else is ignored."""
    hook = _asked(context)
    name, target_url = _text(context.body, "name"), _url(_text(context.body, "targetUrl"))
    secret = _text(context.body, "secret") if "secret" in context.body else hook.secret
    if context.body.get("status", "active") != "active":
        raise Refusal(400, "status can only be active.")
    hook.name, hook.target_url, hook.secret = name, target_url, secret
    if "status" in context.body:
        context.webhooks.enable(hook, context.now)
    return Item(_wire(hook))


def delete_webhook(context: RequestContext) -> Result:
    """DELETE /webhooks/{id}."""
    context.webhooks.remove(_asked(context).id)
    return NoContent()


def _asked(context: RequestContext) -> Hook:
    hook = context.webhooks.get(context.path_id)
    if hook is None or not _is_visible(context, hook):
        raise Refusal(404, "There is no such webhook.")
    return hook


def _is_visible(context: RequestContext, hook: Hook) -> bool:
    may_see = context.kind != "user" if hook.owned_by == "org" else hook.creator == context.caller
    return may_see and context.now >= hook.visible_at


def _is_same(hook: Hook, other: Hook) -> bool:
    return other.owned_by == "org" and all(
        getattr(hook, name) == getattr(other, name) for name in ("resource", "event", "filter")
    )


def _check_kind(context: RequestContext, resource: str, event: str) -> None:
    if resource in _OTHERS:
        raise Refusal(403, f"The token has no scope for {resource}.")
    if event not in EVENTS.get(resource, ()):
        raise Refusal(400, f"There is no webhook on {resource} {event}.")
    if resource not in _SCOPES[context.kind]:
        raise Refusal(403, f"The token has no scope for {resource}.")


def _check_filter(resource: str, text: str | None, *, org: bool) -> None:
    """`key=value`, several joined by `&`, of the keys that the resource has."""
    if text is None:
        return
    names = {part.partition("=")[0] for part in text.split("&")}
    if not names <= FILTERS[resource] or not all(
        part.partition("=")[2] for part in text.split("&")
    ):
        raise Refusal(400, f"The filter does not suit {resource}.")
    if names & _OF_THE_ORG and not org:
        raise Refusal(400, "A filter by host needs ownedBy=org.")


def _text(body: Json, name: str) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, f"{name} must be a text.")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refusal(400, "targetUrl must be an http(s) address.")
    return text


def _wire(hook: Hook) -> Json:
    """As on the wire: with its secret."""
    return present(
        {
            "id": hook.id,
            "name": hook.name,
            "targetUrl": hook.target_url,
            "resource": hook.resource,
            "event": hook.event,
            "filter": hook.filter,
            "secret": hook.secret,
            "status": hook.status,
            "created": stamp_ms(hook.created_at),
            "ownedBy": hook.owned_by,
        }
    )
