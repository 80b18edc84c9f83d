"""Sections token, scopes and sites: what the token is and what it may do.

Belongs here: expiry, this machine's clock against Webex's, one probe per endpoint, the kind of
token, sites. Does not: the requests (webex/probes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from meeting_etl.cli.doctor.finding import (
    CheckResult,
    Finding,
    State,
    ok,
    problem,
    run_check,
    skipped,
    warning,
)
from meeting_etl.cli.doctor.lake_checks import recent_sites
from meeting_etl.cli.doctor.probe_client import ProbeClient
from meeting_etl.errors import Forbidden, Refused
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.settings import Etl
from meeting_etl.webex import probes
from meeting_etl.webex.account_rights import covers
from meeting_etl.webex.probes import Probe, ProbeTargets
from meeting_etl.webex.token_kind import TokenKind

_SOON = timedelta(days=2)
_MAX_SECONDS = 20.0
_CLOCK_WARNING = timedelta(seconds=30)
_CLOCK_PROBLEM = timedelta(minutes=5)


@dataclass
class Outcomes:
    """Endpoints by the outcome of their probe."""

    allowed: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)


def token_checks(
    etl: Etl,
    client: ProbeClient,
    targets: ProbeTargets,
    of_account: str = "",
    *,
    with_clock: bool = True,
) -> list[CheckResult]:
    """Token, scopes and sites of one account, in the order of the output.

    `of_account` is added to the titles of the sections.
    """
    kind = client.account.kind
    token, titles = f"token{of_account}", f"scopes{of_account}"
    expiry = run_check(token, "expiry", lambda: _expiry(etl, client))
    sites: list[str] = []
    site_check = run_check(f"sites{of_account}", "sites", lambda: _sites(etl, client, sites))
    if targets.site_url is None and sites:
        targets = ProbeTargets(site_url=sites[0])
    outcomes = Outcomes()
    off = OPTIONAL - etl.switched_on
    scopes = [
        run_check(titles, probe.endpoint, partial(_probe, client, probe, targets, outcomes))
        for probe in probes.probes_of(kind, targets, etl.clock.now(), off)
    ]
    if not of_account:
        if kind is TokenKind.ADMIN:
            scopes.append(run_check(titles, probes.SNIPPETS, _unreadable_snippets))
        if kind is TokenKind.COMPLIANCE and etl.settings.invitees:
            scopes.append(run_check(titles, probes.INVITEES, _unreadable_invitees))
    kind_check = run_check(token, "kind", lambda: _kind(etl, client, outcomes))
    clock = [run_check(token, "clock", lambda: _clock(client))] if with_clock else []
    return [expiry, kind_check, *clock, *scopes, site_check]


def expiry_checks(etl: Etl, clients: Sequence[ProbeClient]) -> list[CheckResult]:
    """Whether the tokens of further accounts are accepted: one request each, a line for all alike.

    None is sent after _MAX_SECONDS.
    """
    deadline = etl.clock.monotonic() + _MAX_SECONDS
    alike: dict[str, list[CheckResult]] = {}
    for client in clients:
        client.deadline = deadline
        name = f"token of {client.account.name}"
        result = run_check(name, "expiry", partial(_expiry, etl, client))
        if result.state is State.OK:
            found = f"Accepted; none expires within {_SOON.days} days."
            result = replace(result, found=found)
        alike.setdefault(result.found, []).append(result)
    return [
        replace(found[0], section="other tokens", name=f"{len(found)} accounts")
        if len(found) > 1
        else found[0]
        for found in alike.values()
    ]


def _expiry(etl: Etl, client: ProbeClient) -> Finding:
    try:
        expires_at = client(probes.token_expires_at)
    except Refused as error:
        return warning(str(error), "The scopes below show whether the token works.")
    if expires_at is None:
        return warning("Accepted; Webex does not report its expiry.", "Check when it was issued.")
    left = expires_at - etl.clock.now()
    until = f"{expires_at:%Y-%m-%d %H:%M} UTC"
    credentials = client.account.credentials
    if not credentials.access_token:
        return ok(f"Accepted until {until}; it renews itself.")
    if left < _SOON:
        return warning(
            f"Expires at {until}, {left // timedelta(hours=1)} hours from now.",
            f"{credentials.remedy}, or use the refresh grant, which renews itself.",
        )
    return ok(f"Accepted until {until}, {left.days} days from now.")


def _clock(client: ProbeClient) -> Finding:
    ahead = client.clock_ahead
    if ahead is None:
        client.client  # noqa: B018 - raises why no request was sent, if that is known
        return skipped("Webex did not send the time.")
    direction = "ahead" if ahead > timedelta() else "late"
    found = f"This machine's clock is {abs(ahead.total_seconds()):,.0f} s {direction}."
    todo = "Set the clock, preferably by NTP: windows and attempt times depend on it."
    if abs(ahead) > _CLOCK_PROBLEM:
        return problem(found, todo)
    if abs(ahead) > _CLOCK_WARNING:
        return warning(found, todo)
    return ok("This machine's clock agrees with Webex's.")


def _probe(client: ProbeClient, probe: Probe, targets: ProbeTargets, outcomes: Outcomes) -> Finding:
    if probe.missing:
        return skipped(
            f"Not checked: {probe.missing}.", "Run `meeting-etl doctor` after `meeting-etl run`."
        )
    try:
        client(probe.send)
    except Forbidden as error:
        # These lists are the host's: a refusal for another host's meeting proves nothing.
        if probe.endpoint in probes.OF_A_HOST and not targets.was_read:
            return warning(
                f"{error} Either the scope {probe.scope} is missing or the meeting is another's.",
                f"Check that the token has the scope {probe.scope}.",
            )
        if not probe.scope:
            return warning(str(error), "Webhooks need the read scopes of their resources.")
        outcomes.denied.add(probe.endpoint)
        return problem(
            str(error),
            f"Give the token the scope {probe.scope}; for another kind of token set "
            f"{client.account.kind_setting}.",
        )
    except Refused as error:
        if probe.is_of_one and error.http_status in (404, 410):
            return ok(f"Allowed by {probe.scope}; the item that was requested no longer exists.")
        return problem(str(error), "Check WEBEX_BASE_URL: this may not be the API.")
    if not probe.scope:
        return ok("Allowed.")
    outcomes.allowed.add(probe.endpoint)
    return ok(f"Allowed by {probe.scope}.")


def _unreadable_snippets() -> Finding:
    return warning(
        "No scope allows an administrator to read snippets; VTT files are used instead.",
        "For the speakers' e-mail addresses use a compliance officer's token.",
    )


def _unreadable_invitees() -> Finding:
    return warning(
        "No scope allows a compliance officer to read invitees, which [fetch] invitees asks for.",
        "Use an administrator's token, or switch them off.",
    )


def _kind(etl: Etl, client: ProbeClient, outcomes: Outcomes) -> Finding:
    kind, setting = client.account.kind, client.account.kind_setting
    own = Outcomes(set(outcomes.allowed), set(outcomes.denied))
    further = probes.further_probe(kind, outcomes.allowed, outcomes.denied, etl.clock.now())
    if further is not None:
        run_check("token", "kind", lambda: _probe(client, further, ProbeTargets(), outcomes))
    if not own.allowed and not own.denied:
        client.client  # noqa: B018 - raises why no request was sent, if that is known
        return skipped("Unknown: no request was answered.")
    likely = probes.infer_kind(outcomes.allowed, outcomes.denied)
    if likely not in (None, kind):
        found = f"{setting} is {kind}, but the token seems to be of kind {likely}."
        todo = f"Set {setting}={likely}, or use a token of kind {kind}."
        return Finding(State.PROBLEM if own.denied else State.WARNING, found, todo)
    if not own.allowed:
        return problem(
            f"The token may do nothing that a token of kind {kind} is used for.",
            f"See the scopes below, or correct {setting}.",
        )
    return ok(f"The token works as one of kind {kind}.")


def _sites(etl: Etl, client: ProbeClient, sites: list[str]) -> Finding:
    try:
        sites += client(probes.site_urls)
    except Refused:
        return warning(
            "The token may not list its sites.",
            "To see them here, give it the scope meeting:preferences_read "
            "(meeting:admin_preferences_read); runs do not need it.",
        )
    if not sites:
        return warning(
            "Webex lists no sites.", "Check that the token's owner has access to a site."
        )
    listed = ", ".join(sites)
    account = client.account
    # A host's own account is for the host's meetings, wherever others meet.
    recent = set() if account.hosts else recent_sites(etl)
    covered = {site for site in recent if covers(account.covers, {"site_url": site})}
    elsewhere = sorted(covered - set(sites))
    if elsewhere:
        return warning(
            f"The token's owner has {listed}; recent meetings were also on {', '.join(elsewhere)}.",
            "Give the owner access to these: listings of other sites come back empty.",
        )
    return ok(f"{listed}.")
