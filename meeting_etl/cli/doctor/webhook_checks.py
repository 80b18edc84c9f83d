"""Sections webhooks, receiver and logs: whether events arrive and are stored.

Belongs here: webhooks against what is expected, the receiver's health, the latest log line, the
folder of logs. Does not: what is wrong with a webhook (webex/webhook_spec.py).
"""

import hmac
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from meeting_etl.cli.doctor.finding import (
    CheckResult,
    Finding,
    NotChecked,
    ok,
    problem,
    run_check,
    skipped,
    warning,
)
from meeting_etl.cli.doctor.lake_checks import newest_days
from meeting_etl.cli.doctor.probe_client import ProbeClient
from meeting_etl.cli.ledger_report import where_logs_are
from meeting_etl.errors import BadResponse, Forbidden
from meeting_etl.pipeline.ingest.log_problems import log_problems
from meeting_etl.receiver.app import NOT_CHECKED, PROBE, VERIFIED
from meeting_etl.schemas import INGESTED_LOGS, WEBHOOK_EVENTS
from meeting_etl.settings import Etl
from meeting_etl.settings.accounts import AccountSettings
from meeting_etl.settings.connections import owners_of
from meeting_etl.webex.account_webhooks import AccountWebhooks, compare_accounts
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.webhook_spec import (
    Webhook,
    WebhookFinding,
    WebhookStatus,
    needing_repair,
    read_webhook_spec,
)
from meeting_etl.webex.webhook_sync import list_webhooks
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.listing import shown

_TIMEOUT_SECONDS = 3.0
_PROBE_BODY = b'{"probe":"meeting-etl doctor"}'
_CHECK_RECEIVER = (
    "Check that it is running and that its proxy forwards POST requests; inside a network its "
    "public address may not respond although it does for Webex."
)
_QUIET = timedelta(hours=24)
_WEEKEND = timedelta(days=2)
_MONDAY, _SATURDAY = 0, 5


def webhook_checks(
    etl: Etl, clients: Sequence[ProbeClient], unchecked: int = 0
) -> list[CheckResult]:
    """Whether the expected webhooks of these accounts are registered and active.

    `unchecked`: how many further accounts there are.
    """
    found = [run_check("webhooks", "registered", lambda: _registered(etl, clients))]
    spec = read_webhook_spec(etl.state) if unchecked else None
    if spec and not spec.org:
        found.append(run_check("webhooks", "other accounts", lambda: _unchecked(unchecked)))
    return found


def receiver_checks(etl: Etl) -> list[CheckResult]:
    """Whether the receiver responds, and when its latest event arrived."""
    return [
        run_check("receiver", "reachable", lambda: _reachable(etl)),
        run_check("receiver", "latest line", lambda: _latest_line(etl)),
    ]


def log_checks(etl: Etl) -> list[CheckResult]:
    """Which logs there are; reads only what identifies them."""
    return [run_check("logs", "files", lambda: _log_files(etl))]


def _registered(etl: Etl, clients: Sequence[ProbeClient]) -> Finding:
    spec = read_webhook_spec(etl.state)
    if spec is None:
        return warning(
            "No webhooks are expected: no events arrive unless another program writes the logs.",
            "Run `meeting-etl webhooks create --target-url …`.",
        )
    by_account = {client.account: client for client in clients}

    def listed(account: AccountSettings) -> list[Webhook]:
        client, kind = by_account[account], account.kind
        try:
            return client(lambda api: list_webhooks(Webex(api, kind, etl.clock)))
        except NotChecked as error:
            if len(clients) == 1:
                raise
            raise BadResponse(error.finding.found) from None

    try:
        found = compare_accounts(list(by_account), spec, owners_of(etl.connections), listed)
    except Forbidden as error:
        return problem(str(error), "Webhooks need the read scopes of their resources.")
    if not (sentences := found.wrong_sentences()):
        return ok(f"All {found.expected} are registered and active.")
    is_slight = all(finding.status is WebhookStatus.DUPLICATE for finding in found.wrong())
    if len(clients) > 1:
        sentences = _by_account(found)
    text = "; ".join(sentence.rstrip(".") for sentence in sentences)
    return (warning if is_slight else problem)(f"{text}.", "Run `meeting-etl webhooks repair`.")


def _by_account(found: AccountWebhooks[AccountSettings]) -> list[str]:
    """What is wrong, shorter than one sentence for each webhook."""
    wrong: dict[tuple[str, str], list[WebhookFinding]] = {}
    for account, finding in found.findings():
        if needing_repair([finding]):
            wrong.setdefault((account.name, finding.status), []).append(finding)
    sentences = [
        f"{name}: {findings[0] if len(findings) == 1 else f'{len(findings)} {status}'}"
        for (name, status), findings in wrong.items()
    ]
    return sentences + found.unusable_sentences()


def _unchecked(count: int) -> Finding:
    return skipped(
        f"Not checked here: the webhooks of {count:,} more accounts.",
        "Run `meeting-etl webhooks repair --check`; the hourly check does the same.",
    )


def _reachable(etl: Etl) -> Finding:
    spec = read_webhook_spec(etl.state)
    if spec is None:
        return skipped("No webhooks are expected, so the receiver's address is unknown.")
    try:
        parts = urlsplit(spec.target_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https"):
        found = "The expected target is not a valid http(s) URL."
        return problem(found, "Run `meeting-etl webhooks repair --target-url …`.")
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    secret = etl.settings.webhook_secret
    if secret is None:
        return _health(host)
    return _signed_probe(f"{host}{parts.path.rstrip('/')}{PROBE}", secret) or _health(host)


def _signed_probe(url: str, secret: str) -> Finding | None:
    """Whether a signed request is verified; None when the response says nothing about that."""
    signature = hmac.digest(secret.encode(), _PROBE_BODY, "sha1").hex()
    headers = {"X-Spark-Signature": signature, "Content-Type": "application/json"}
    status, text = _send(urllib.request.Request(url, _PROBE_BODY, headers))  # noqa: S310
    if status is None:
        return warning(f"{url} does not respond: {text}.", _CHECK_RECEIVER)
    if status == 200 and text == VERIFIED:
        return ok(f"{url} verified a signed request.")
    if status == 200 and text == NOT_CHECKED:
        return problem(
            f"{url} responds, but signatures are not checked there: anybody can post events.",
            "Start `meeting-etl receive` with WEBEX_WEBHOOK_SECRET.",
        )
    if status == 401:
        return problem(
            f"{url} rejected the signature: the receiver has another secret than this command.",
            "Set the same WEBEX_WEBHOOK_SECRET for both, then run `meeting-etl webhooks repair "
            "--set-secret`.",
        )
    return None


def _health(host: str) -> Finding:
    health = f"{host}/healthz"
    status, text = _send(urllib.request.Request(health))  # noqa: S310
    if status is None:
        return warning(f"{health} does not respond: {text}.", _CHECK_RECEIVER)
    if status >= 500:
        found = f"{health} responds {status}: it cannot write, or its proxy cannot reach it."
        return warning(found, _CHECK_RECEIVER)
    unproven = "signatures could not be tested"
    if status != 200:
        return ok(f"{host} responds, with {status} for /healthz: not forwarded; {unproven}.")
    return ok(f"{health} responds; {unproven}.")


def _send(request: urllib.request.Request) -> tuple[int | None, str]:
    """Status and first bytes of the response, without any token; None and why without one."""
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return int(response.status), response.read(100).decode("latin-1")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except urllib.error.URLError as error:
        is_certificate = isinstance(error.reason, ssl.SSLError)
        return None, "its certificate is not trusted" if is_certificate else "no connection"
    except (OSError, http.client.HTTPException):
        return None, "no complete response in time"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a redirected page is not the receiver."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """No further request."""


def _latest_line(etl: Etl) -> Finding:
    latest = _latest_received_at(etl)
    if latest is None:
        if next(newest_days(etl, WEBHOOK_EVENTS), None) is None:
            return skipped("No log line has been read yet.", "Run `meeting-etl run`.")
        return skipped("The logs have no receive times.")
    found = f"The latest line read was received {latest:%Y-%m-%d %H:%M} UTC."
    if read_webhook_spec(etl.state) is None or not _is_quiet(latest, etl.clock.now()):
        return ok(found)
    return warning(
        found,
        "Run `meeting-etl run` if it did not run recently; otherwise check the receiver and its "
        "webhooks.",
    )


def _is_quiet(latest: datetime, now: datetime) -> bool:
    """Whether nothing arrived for longer than usual; weekends do not count."""
    if now.weekday() >= _SATURDAY:
        return False
    return now - latest > _QUIET + (_WEEKEND if now.weekday() == _MONDAY else timedelta())


def _latest_received_at(etl: Etl) -> datetime | None:
    for day in newest_days(etl, WEBHOOK_EVENTS):
        rows = etl.lake.read(WEBHOOK_EVENTS, day, columns=["received_at"])
        received = [moment for moment in rows["received_at"].to_pylist() if moment]
        if received:
            latest: datetime = max(received)
            return latest
    return None


def _log_files(etl: Etl) -> Finding:
    known = etl.lake.read(INGESTED_LOGS)
    new = etl.logs.scan(KnownLogs(known))
    problems = log_problems(etl.logs, etl.lake)
    if unfinished := etl.logs.unfinished:
        first = shown(next(iter(unfinished)))
        others = " and others" if len(unfinished) > 1 else ""
        problems.append(f"{len(unfinished):,} without a complete line yet: {first}{others}.")
    if problems:
        return warning(" ".join(problems), "Move away or rename what is not a log.")
    if not known.num_rows and not new:
        return skipped(f"There are no webhook logs in {where_logs_are(etl)}.")
    return ok(f"{known.num_rows:,} logs are known, {len(new):,} have new lines for the next run.")
