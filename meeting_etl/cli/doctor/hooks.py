"""Sections webhooks and receiver: whether what happens at Webex is heard of.

Belongs here: webhooks against what is expected, the receiver's health, the latest line that came.
Does not: what is wrong with a webhook (webex/webhook_spec.py).
"""

import hmac
import http.client
import ssl
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from meeting_etl.cli.doctor.kept import newest_days
from meeting_etl.cli.doctor.line import Finding, Line, look, ok, problem, skipped, warning
from meeting_etl.cli.doctor.once import Once
from meeting_etl.errors import Forbidden
from meeting_etl.receiver.app import NOT_CHECKED, PROBE, VERIFIED
from meeting_etl.schemas import WEBHOOK_EVENTS
from meeting_etl.settings import Etl
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.webhook_spec import WebhookStatus, needing_repair, read_webhook_spec
from meeting_etl.webex.webhook_sync import check_webhooks

_HEALTH_SECONDS = 3.0
_PROBE_BODY = b'{"probe":"meeting-etl doctor"}'
_TODO = (
    "See that it runs and that its proxy passes POSTs on; from inside a network its public "
    "address may not answer although it does for Webex."
)
_QUIET = timedelta(hours=24)
_WEEKEND = timedelta(days=2)
_MONDAY, _SATURDAY = 0, 5


def webhook_lines(etl: Etl, once: Once) -> list[Line]:
    """Whether the webhooks that are expected are there and active."""
    return [look("webhooks", "registered", lambda: _registered(etl, once))]


def receiver_lines(etl: Etl) -> list[Line]:
    """Whether the receiver answers, and when it last heard of anything."""
    return [
        look("receiver", "reachable", lambda: _reachable(etl)),
        look("receiver", "latest line", lambda: _latest(etl)),
    ]


def _registered(etl: Etl, once: Once) -> Finding:
    expected = read_webhook_spec(etl.files)
    if expected is None:
        return warning(
            "None are expected: what happens at Webex is not told here, unless somebody else "
            "writes the logs.",
            "Say `meeting-etl webhooks create --target-url …`.",
        )
    kind = etl.settings.token_kind
    try:
        found = once(lambda client: check_webhooks(Webex(client, kind, etl.clock), expected))
    except Forbidden as error:
        return problem(str(error), "Webhooks need the read scopes of their resources.")
    wrong = needing_repair(found)
    if not wrong:
        return ok(f"All {len(expected.events())} are there and active.")
    told = warning if all(one.status is WebhookStatus.DUPLICATE for one in wrong) else problem
    return told(f"{'; '.join(map(str, wrong))}.", "Say `meeting-etl webhooks repair`.")


def _reachable(etl: Etl) -> Finding:
    expected = read_webhook_spec(etl.files)
    if expected is None:
        return skipped("No webhooks are expected, so nobody knows where it is.")
    try:
        parts = urlsplit(expected.target_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https"):
        return problem("The expected target is no http(s) address.", "Create the webhooks again.")
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    secret = etl.settings.webhook_secret
    if secret is None:
        return _health(host)
    return _verified(f"{host}{parts.path.rstrip('/')}{PROBE}", secret) or _health(host)


def _verified(url: str, secret: str) -> Finding | None:
    """Whether a signed request is verified; None where nothing there says so."""
    signature = hmac.digest(secret.encode(), _PROBE_BODY, "sha1").hex()
    headers = {"X-Spark-Signature": signature, "Content-Type": "application/json"}
    status, said = _ask(urllib.request.Request(url, _PROBE_BODY, headers))  # noqa: S310
    if status is None:
        return warning(f"{url} does not answer: {said}.", _TODO)
    if status == 200 and said == VERIFIED:
        return ok(f"{url} verified a signed request.")
    if status == 200 and said == NOT_CHECKED:
        return problem(
            f"{url} answers, but signatures are not checked there: anybody can post events.",
            "Start `meeting-etl receive` with WEBEX_WEBHOOK_SECRET.",
        )
    if status == 401:
        return problem(
            f"{url} refuses the signature: the receiver has another secret than this command.",
            "Set the same WEBEX_WEBHOOK_SECRET for both, then `meeting-etl webhooks repair`.",
        )
    return None


def _health(host: str) -> Finding:
    health = f"{host}/healthz"
    status, why = _ask(urllib.request.Request(health))  # noqa: S310
    if status is None:
        return warning(f"{health} does not answer: {why}.", _TODO)
    if status >= 500:
        return warning(f"{health} answers {status}: it cannot write, or its proxy lost it.", _TODO)
    unproven = "signatures could not be tried"
    if status != 200:
        return ok(f"{host} answers, with {status} to /healthz: not all paths pass; {unproven}.")
    return ok(f"{health} answers; {unproven}.")


def _ask(request: urllib.request.Request) -> tuple[int | None, str]:
    """Status and begin of the answer, without any token; None, with why, when nothing answers."""
    opener = urllib.request.build_opener(_Unmoved)
    try:
        with opener.open(request, timeout=_HEALTH_SECONDS) as response:
            return int(response.status), response.read(100).decode("latin-1")
    except urllib.error.HTTPError as answered:
        with answered:
            return answered.code, ""
    except urllib.error.URLError as error:
        certificate = isinstance(error.reason, ssl.SSLError)
        return None, "its certificate is not trusted" if certificate else "no connection"
    except (OSError, http.client.HTTPException):
        return None, "no whole answer in time"


class _Unmoved(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: where a proxy sends people is not where Webex posts."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """No further request."""


def _latest(etl: Etl) -> Finding:
    latest = _latest_received_at(etl)
    if latest is None:
        if next(newest_days(etl, WEBHOOK_EVENTS), None) is None:
            return skipped("No line of a log was read yet.", "Say `meeting-etl run`.")
        return skipped("The logs do not say when their lines came.")
    found = f"The latest line that was read came {latest:%Y-%m-%d %H:%M} UTC."
    now = etl.clock.now()
    if read_webhook_spec(etl.files) is None or not _is_quiet(latest, now):
        return ok(found)
    return warning(
        found,
        "Say `meeting-etl run` if none ran of late; else look at the receiver and its webhooks.",
    )


def _is_quiet(latest: datetime, now: datetime) -> bool:
    """Whether nothing came for longer than usual: weekends do not count."""
    if now.weekday() >= _SATURDAY:
        return False
    return now - latest > _QUIET + (_WEEKEND if now.weekday() == _MONDAY else timedelta())


def _latest_received_at(etl: Etl) -> datetime | None:
    for day in newest_days(etl, WEBHOOK_EVENTS):
        rows = etl.lake.read(WEBHOOK_EVENTS, day, columns=["received_at"])
        moments = [moment for moment in rows["received_at"].to_pylist() if moment]
        if moments:
            latest: datetime = max(moments)
            return latest
    return None
