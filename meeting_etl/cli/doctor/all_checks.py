"""All checks of the doctor, section by section in the order of the output.

Belongs here: which sections there are, what one means for another, and that no result contains a
secret. Does not: any check (the modules beside this one), output (command.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from meeting_etl.cli.doctor.account_checks import account_checks
from meeting_etl.cli.doctor.bucket_checks import bucket_checks
from meeting_etl.cli.doctor.finding import CheckResult, State, said_once, skipped
from meeting_etl.cli.doctor.lake_checks import meeting_checks, probe_targets, work_checks
from meeting_etl.cli.doctor.local_checks import (
    dagster_checks,
    folder_checks,
    moved_checks,
    settings_checks,
    unreadable_settings,
)
from meeting_etl.cli.doctor.privacy_checks import privacy_checks
from meeting_etl.cli.doctor.probe_client import ProbeClient
from meeting_etl.cli.doctor.state_checks import state_checks, unusable_state_checks
from meeting_etl.cli.doctor.token_checks import expiry_checks, token_checks
from meeting_etl.cli.doctor.webhook_checks import log_checks, receiver_checks, webhook_checks
from meeting_etl.cli.doctor.worker_checks import worker_checks
from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl
from meeting_etl.settings.data_folder import PLACES
from meeting_etl.settings.variables import SECRETS

_SECRETS = (
    *SECRETS,
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
)
_MIN_SECRET_LENGTH = 6
# So many accounts of each kind are checked thoroughly; the help of the command names it, too.
FEW = 3


def run_checks(etl: Etl, environ: Mapping[str, str]) -> list[CheckResult]:
    """All results, without any secret. Never raises: what fails is a result.

    With settings that cannot be read no request is sent to Webex; everything else is checked in the
    data folder that MEETING_ETL_DATA_DIR names, if it is valid.
    """
    try:
        etl.settings  # noqa: B018 - reading them checks them
    except SettingsError as error:
        settings, are_known = [unreadable_settings(error)], False
        etl = Etl({name: environ[name] for name in PLACES if name in environ}, etl.clock)
        if not has_readable_settings(etl):
            return _without_secrets(settings, environ)
    else:
        settings, are_known = settings_checks(etl, environ.get("MEETING_ETL_SETTINGS")), True
    if moved := moved_checks(etl):
        return _without_secrets(moved, environ)
    if unusable := unusable_state_checks(etl):
        return _without_secrets([*settings, *unusable], environ)
    policy = privacy_checks(etl) if are_known else []
    secrets = etl.settings.secrets if are_known else []
    return _without_secrets([*settings, *policy, *_checks(etl, environ)], environ, secrets)


def has_readable_settings(etl: Etl) -> bool:
    """Whether all settings are valid."""
    try:
        etl.settings  # noqa: B018 - reading them checks them
    except SettingsError:
        return False
    return True


def _checks(etl: Etl, environ: Mapping[str, str]) -> list[CheckResult]:
    folder = folder_checks(etl)
    writable = folder[0].state is State.OK
    clients = [ProbeClient(etl, connection) for connection in etl.connections]
    for client in clients:
        if not writable and not client.account.credentials.access_token:
            # The refresh grant invalidates the old token, and the new one could not be stored.
            client.stop(
                skipped("Not checked: a renewed token could not be stored in the data folder.")
            )
    few = _first_of_each_kind(clients)
    online: list[CheckResult] = []
    try:
        for client in few:
            online += _account_checks(etl, client, is_first=client is clients[0])
            _stop_all_without_network(clients, client)
        online += expiry_checks(etl, [client for client in clients if client not in few])
        online += account_checks(etl) if len(clients) > 1 else []
        online += webhook_checks(etl, few, unchecked=len(clients) - len(few))
    finally:
        for client in clients:
            client.close()
    return [
        *online,
        *receiver_checks(etl),
        *log_checks(etl),
        *meeting_checks(etl),
        *folder,
        *bucket_checks(etl),
        *state_checks(etl),
        *worker_checks(etl, environ),
        *dagster_checks(etl, environ),
        *work_checks(etl),
    ]


def _first_of_each_kind(clients: Sequence[ProbeClient]) -> list[ProbeClient]:
    """Those that are checked thoroughly: forty hosts would cost hundreds of requests."""
    kinds: Counter[str] = Counter()
    few = []
    for client in clients:
        kinds[client.account.kind] += 1
        if kinds[client.account.kind] <= FEW:
            few.append(client)
    return few


def _account_checks(etl: Etl, client: ProbeClient, *, is_first: bool) -> list[CheckResult]:
    """Token, scopes and sites of one account."""
    account = client.account
    if len(etl.connections) == 1:
        return token_checks(etl, client, probe_targets(etl))
    reader = None if account.kind.access.is_org_wide else account.name
    targets, suffix = probe_targets(etl, reader), f" of {account.name}"
    return token_checks(etl, client, targets, suffix, with_clock=is_first)


def _stop_all_without_network(clients: Iterable[ProbeClient], client: ProbeClient) -> None:
    """Send no request for any account after one found that Webex cannot be reached."""
    if client.unreachable is not None:
        for other in clients:
            other.stop(client.unreachable)


def _without_secrets(
    results: Iterable[CheckResult],
    environ: Mapping[str, str],
    secrets_of_accounts: Iterable[str] = (),
) -> list[CheckResult]:
    """The results with every configured secret cut out, in case a sentence quotes one."""
    values = [*secrets_of_accounts, *(environ.get(name, "") for name in _SECRETS)]
    values.append(_password(environ.get("WEBEX_BASE_URL", "")))
    secrets = [value for value in values if len(value) >= _MIN_SECRET_LENGTH]

    def cut(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "…")
        return text

    return [
        replace(result, found=cut(result.found), todo=cut(result.todo))
        for result in said_once(results)
    ]


def _password(url: str) -> str:
    """The password in a URL, if any."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
