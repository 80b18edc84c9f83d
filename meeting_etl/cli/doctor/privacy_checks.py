"""Section privacy: the column policy, its key, addresses in clear, erasures.

Belongs here: what is in force on this machine. Does not: which days follow another policy (the
check `policy_applied` of Dagster).
"""

from meeting_etl.cli.doctor.finding import CheckResult, Finding, ok, problem, run_check, warning
from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.lake.migration import files_of_other_policy
from meeting_etl.privacy.erasures import Erasure
from meeting_etl.privacy.host_addresses import HOST_ADDRESSES
from meeting_etl.privacy.key import has_key, place_of_key
from meeting_etl.settings import Etl


def privacy_checks(etl: Etl) -> list[CheckResult]:
    """What is stored of persons, and what is needed for it."""
    return [
        run_check("privacy", "policy", lambda: _policy(etl)),
        run_check("privacy", "key", lambda: _key(etl)),
        run_check("privacy", "hosts", lambda: _hosts(etl)),
        run_check("privacy", "erasures", lambda: _erasures(etl)),
    ]


def _policy(etl: Etl) -> Finding:
    files = files_of_other_policy(etl.lake)
    if not files:
        return ok(f"{etl.settings.policy.description}.")
    return warning(
        f"{etl.settings.policy.description}, but {len(files):,} files were written under another "
        "policy.",
        "Run `meeting-etl migrate`.",
    )


def _key(etl: Etl) -> Finding:
    place = place_of_key(etl.state, etl.settings.privacy_key)
    if not has_key(etl.state):
        return ok(f"None is in use yet; {place} will have it when there is something to hash.")
    try:
        etl.privacy.pseudonyms  # noqa: B018 - it is checked there
    except (SettingsError, StorageError) as error:
        return problem(str(error), "Restore the key: without it nobody is recognised.")
    return ok(f"It is in {place}. Keep a copy: without it nobody is recognised.")


def _hosts(etl: Etl) -> Finding:
    count, place = len(etl.privacy.hosts), etl.state.where(HOST_ADDRESSES)
    if not etl.privacy.remembers_hosts:
        if count:
            return warning(
                f"{place} has {count:,} addresses in clear, which nothing needs.",
                "Remove it.",
            )
        return ok("No address is kept in clear beside the tables.")
    return ok(
        f"{place} has {count:,} hosts' addresses in clear, for its owner alone: requests or "
        "patterns of the settings need them."
    )


def _erasures(etl: Etl) -> Finding:
    try:
        erasures = etl.privacy.erasures.all
    except (SettingsError, StorageError) as error:
        return problem(str(error), "Nothing can be written until then.")
    unfinished = [erasure for erasure in erasures if erasure.finished_at is None]
    if unfinished:
        return warning(
            f"Begun and not finished: {_names(unfinished)}.",
            "Give the same `meeting-etl erase` commands again.",
        )
    return ok(f"Persons and meetings that were erased: {len(erasures):,}.")


def _names(erasures: list[Erasure]) -> str:
    return ", ".join(f"{erasure.label} ({erasure.subject})" for erasure in erasures)
