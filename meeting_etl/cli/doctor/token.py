"""Sections token, scopes and sites: what the token is and what it may do.

Belongs here: expiry, the clock against Webex's, one probe for each endpoint, the kind of token,
sites. Does not: the calls (webex/probes.py).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from meeting_etl.cli.doctor.kept import recent_sites
from meeting_etl.cli.doctor.line import (
    Finding,
    Line,
    State,
    look,
    ok,
    problem,
    skipped,
    warning,
)
from meeting_etl.cli.doctor.once import Once
from meeting_etl.errors import Forbidden, Refused
from meeting_etl.settings import Etl
from meeting_etl.webex import probes
from meeting_etl.webex.probes import Known, Probe
from meeting_etl.webex.token_kind import TokenKind

_SOON = timedelta(days=2)
_CLOCK_WARNING = timedelta(seconds=30)
_CLOCK_PROBLEM = timedelta(minutes=5)


@dataclass
class Outcomes:
    """Endpoints by what came of their probe."""

    allowed: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)


def token_lines(etl: Etl, once: Once, known: Known) -> list[Line]:
    """Token, scopes and sites, in the order of the screen."""
    expiry = look("token", "expiry", lambda: _expiry(etl, once))
    sites: list[str] = []
    site_line = look("sites", "sites", lambda: _sites(etl, once, sites))
    if known.site_url is None and sites:
        known = Known(site_url=sites[0])
    outcomes = Outcomes()
    scopes = [
        look("scopes", probe.endpoint, partial(_probe, once, probe, known, outcomes))
        for probe in probes.probes(etl.settings.token_kind, known, etl.clock.now())
    ]
    if etl.settings.token_kind is TokenKind.ADMIN:
        scopes.append(look("scopes", probes.SNIPPETS, _ruled_out))
    kind = look("token", "kind", lambda: _kind(etl, once, outcomes))
    clock = look("token", "clock", lambda: _clock(once))
    return [expiry, kind, clock, *scopes, site_line]


def _expiry(etl: Etl, once: Once) -> Finding:
    try:
        expires_at = once(probes.token_expires_at)
    except Refused as error:
        return warning(str(error), "See by the scopes below whether the token works.")
    if expires_at is None:
        return warning("Accepted; Webex does not say until when.", "See when it was issued.")
    left = expires_at - etl.clock.now()
    until = f"{expires_at:%Y-%m-%d %H:%M} UTC"
    if not etl.settings.credentials.access_token:
        return ok(f"Accepted until {until}; it renews itself.")
    if left < _SOON:
        return warning(
            f"Accepted, but until {until} only, {left // timedelta(hours=1)} hours from now.",
            "Set a new WEBEX_ACCESS_TOKEN, or use the refresh grant, which renews itself.",
        )
    return ok(f"Accepted until {until}, {left.days} days from now.")


def _clock(once: Once) -> Finding:
    ahead = once.clock_ahead
    if ahead is None:
        once.client  # noqa: B018 - says why nothing was asked, if that is known
        return skipped("Webex did not say what time it is.")
    seconds = abs(ahead.total_seconds())
    found = f"This machine's clock is {seconds:,.0f} s {'ahead' if ahead > timedelta() else 'late'}"
    todo = "Set the clock, by NTP: windows and times of attempts are reckoned from it."
    if abs(ahead) > _CLOCK_PROBLEM:
        return problem(f"{found}.", todo)
    if abs(ahead) > _CLOCK_WARNING:
        return warning(f"{found}.", todo)
    return ok("This machine's clock agrees with Webex's.")


def _probe(once: Once, probe: Probe, known: Known, outcomes: Outcomes) -> Finding:
    if probe.lacks:
        return skipped(f"Not asked: {probe.lacks}.", "Ask again after `meeting-etl run`.")
    try:
        once(lambda client: probes.ask(client, probe))
    except Forbidden as error:
        # Participants are the host's: of somebody else's meeting a refusal says nothing.
        if probe.endpoint == probes.PARTICIPANTS and not known.was_read:
            return warning(
                f"{error} Either the scope {probe.scope} is missing or the meeting is another's.",
                f"See that the token has the scope {probe.scope}.",
            )
        if not probe.scope:
            return warning(str(error), "Webhooks need the read scopes of their resources.")
        outcomes.denied.add(probe.endpoint)
        return problem(
            str(error),
            f"Give the token the scope {probe.scope}; for another kind of token set "
            "WEBEX_TOKEN_KIND.",
        )
    except Refused as error:
        if probe.is_of_one and error.http_status in (404, 410):
            return ok(f"Allowed by {probe.scope}; what was asked about is not there any more.")
        return problem(str(error), "Check WEBEX_BASE_URL: this may not be the API.")
    if not probe.scope:
        return ok("Allowed.")
    outcomes.allowed.add(probe.endpoint)
    return ok(f"Allowed by {probe.scope}.")


def _ruled_out() -> Finding:
    return warning(
        "No scope lets an administrator read them; what was said is read from VTT files.",
        "For the speakers' addresses use a compliance officer's token.",
    )


def _kind(etl: Etl, once: Once, outcomes: Outcomes) -> Finding:
    kind = etl.settings.token_kind
    needed = Outcomes(set(outcomes.allowed), set(outcomes.denied))
    further = probes.further_probe(kind, outcomes.allowed, outcomes.denied, etl.clock.now())
    if further is not None:
        look("token", "kind", lambda: _probe(once, further, Known(), outcomes))
    if not needed.allowed and not needed.denied:
        once.client  # noqa: B018 - says why nothing was asked, if that is known
        return skipped("Not known: no call was answered.")
    likely = probes.infer_kind(outcomes.allowed, outcomes.denied)
    if likely not in (None, kind):
        found = f"WEBEX_TOKEN_KIND is {kind}, but the token seems to be of kind {likely}."
        todo = f"Set WEBEX_TOKEN_KIND={likely}, or use a token of kind {kind}."
        return Finding(State.PROBLEM if needed.denied else State.WARNING, found, todo)
    if not needed.allowed:
        return problem(
            f"Nothing is allowed that a token of kind {kind} is used for.",
            "See the scopes below, or set WEBEX_TOKEN_KIND.",
        )
    return ok(f"The calls of kind {kind} suit it.")


def _sites(etl: Etl, once: Once, sites: list[str]) -> Finding:
    try:
        sites += once(probes.site_urls)
    except Refused:
        return warning(
            "The token may not list its sites.",
            "Give it the scope meeting:preferences_read (meeting:admin_preferences_read) to see "
            "them here; runs do not need it.",
        )
    if not sites:
        return warning("Webex names no sites.", "See that the token's owner has access to one.")
    named = ", ".join(sites)
    elsewhere = sorted(recent_sites(etl) - set(sites))
    if elsewhere:
        return warning(
            f"The token's owner has {named}; meetings of late were on {', '.join(elsewhere)} too.",
            "See that the owner has access to these: lists of other sites come back empty.",
        )
    return ok(f"{named}.")
