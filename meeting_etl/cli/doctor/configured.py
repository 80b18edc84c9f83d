"""Section settings: what is set, never its secrets.

Belongs here: variables and the settings file. Does not: whether the token works (token.py).
"""

from urllib.parse import urlsplit

from meeting_etl.cli.doctor.line import Finding, Line, look, ok, problem, warning
from meeting_etl.errors import SettingsError
from meeting_etl.lake.host_domains import host_domains
from meeting_etl.settings import Etl
from meeting_etl.webex.webhook_spec import read_webhook_spec

_SECTION = "settings"


def settings_lines(etl: Etl, settings_file: str | None) -> list[Line]:
    """What is set, of settings that could be read. `settings_file`: MEETING_ETL_SETTINGS."""
    file = f"{settings_file} is read." if settings_file else "None is named; defaults are used."
    return [
        look(_SECTION, "file", lambda: ok(file)),
        look(_SECTION, "API", lambda: ok(shown_url(etl.settings.base_url))),
        look(_SECTION, "credentials", lambda: _credentials(etl)),
        look(_SECTION, "internal domains", lambda: _internal_domains(etl)),
        look(_SECTION, "webhook secret", lambda: _webhook_secret(etl)),
    ]


def unreadable_line(error: SettingsError) -> Line:
    """The one line of settings that cannot be read."""
    return look(_SECTION, "values", lambda: problem(str(error), "Correct it, then ask again."))


def shown_url(url: str) -> str:
    """Scheme, host, port and path: a name and password before the host are left out."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _credentials(etl: Etl) -> Finding:
    try:
        etl.auth  # noqa: B018 - building it checks them
    except SettingsError as error:
        return problem(str(error), "Set these variables where meeting-etl runs.")
    kind = etl.settings.token_kind
    if etl.settings.credentials.access_token:
        return ok(f"WEBEX_ACCESS_TOKEN is set, WEBEX_TOKEN_KIND is {kind}.")
    return ok(f"The three variables of the refresh grant are set, WEBEX_TOKEN_KIND is {kind}.")


def _internal_domains(etl: Etl) -> Finding:
    """Who is internal in the views."""
    if domains := etl.settings.analytics.internal_domains:
        return ok(f"[analytics] internal_domains: {', '.join(domains)}.")
    found = host_domains(etl.lake)
    if not found:
        return ok("None are set; those of the meetings' hosts will be taken.")
    return ok(f"None are set; those of the meetings' hosts are taken: {', '.join(found)}.")


def _webhook_secret(etl: Etl) -> Finding:
    if etl.settings.webhook_secret:
        return ok("WEBEX_WEBHOOK_SECRET is set.")
    if read_webhook_spec(etl.files) is None:
        return ok("WEBEX_WEBHOOK_SECRET is not set; webhooks and receiver need it.")
    return warning(
        "WEBEX_WEBHOOK_SECRET is not set, though webhooks are expected.",
        "Set it here and for the receiver, or anybody can post to it.",
    )
