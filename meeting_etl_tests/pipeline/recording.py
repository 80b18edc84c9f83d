"""A data folder with created events in its logs, and an organization with future meetings."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from meeting_etl.pipeline.auto_record.auto_record import auto_record
from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.pipeline.rows import Row
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.schemas import AUTO_RECORD_ACTIONS
from meeting_etl.settings import Etl
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    OWNER,
    S1,
    S2,
    S4,
    TOM,
    at,
    series,
    small_world,
)

# Beside S1 (the owner's, daily to 13 March), S2 (Hana's, over) and S4 (a personal room).
S5, S6, S7, S8 = ("5" * 32, "6" * 32, "7" * 32, "8" * 32)
HOSTS = {S1: OWNER, S2: HANA, S4: OWNER, S5: HANA, S6: TOM, S7: HANA, S8: HANA}


def world() -> World:
    """S5 Hana's, S6 Tom's, S7 Hana's ad-hoc meeting, S8 Hana's with recording switched on."""
    ahead = at("2026-03-20T10:00:00")
    more = (
        series(S5, HANA, [ahead]),
        series(S6, TOM, [ahead]),
        replace(series(S7, HANA, [ahead]), ad_hoc=True),
        replace(series(S8, HANA, [ahead]), auto_record=True),
    )
    small = small_world()
    return replace(small, series=(*small.series, *more))


def created(meeting_id: str, received: datetime | None = None, **data: Any) -> dict[str, Any]:
    """A line of a log: the event of a meeting that was created a minute ago."""
    host = HOSTS.get(meeting_id.partition("_")[0], HANA)
    data = {"id": meeting_id, "hostEmail": host.email, "siteUrl": host.site_url} | data
    data = {name: value for name, value in data.items() if value is not None}
    moment = received or NOW - timedelta(minutes=1)
    body = {"resource": "meetings", "event": "created", "data": data}
    return {"received_at": moment.isoformat(), "body": body}


class Desk(Product):
    """A product with a policy, whose auto-record is called by hand."""

    def policy(self, **lists: Any) -> None:
        """Write the settings file, with these keys in [auto_record]."""
        path = self.folder.parent / "settings.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in lists.items()]
        path.write_text("\n".join(["[auto_record]", *lines]))
        self.more = {**self.more, "MEETING_ETL_SETTINGS": str(path)}

    def append_and_ingest(self, *lines: Mapping[str, Any], log: str = "a.jsonl") -> None:
        """Append lines to a log and ingest them."""
        path = self.folder / "webhook_logs" / log
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        etl = self.etl()
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

    def record(self, etl: Etl | None = None, *, again: bool = False) -> dict[str, Row]:
        """Run auto-record; returns the new rows by meeting id."""
        etl = etl or self.etl()
        policy = etl.settings.auto_record
        rows = auto_record(lambda: etl.accounts, etl.lake, etl.clock, policy, "run", again=again)
        return {row["meeting_id"]: row for row in rows}

    def kept(self) -> dict[str, Row]:
        """All rows on disk by meeting id; each meeting has one."""
        lake = self.etl().lake
        found: dict[str, Row] = {}
        for name in lake.partitions(AUTO_RECORD_ACTIONS):
            day = datetime.fromisoformat(name).date()
            for row in lake.read(AUTO_RECORD_ACTIONS, day).to_pylist():
                assert row["meeting_id"] not in found
                found[row["meeting_id"]] = row
        return found

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Method and path of all requests."""
        return [
            (seen.method, seen.url.partition("?")[0].removeprefix("/v1"))
            for seen in self.webex.counters.requests
        ]


def desk(folder: Path, webex: Sandbox, kind: Kind = "admin", **lists: Any) -> Desk:
    """A desk in a folder of its own; its clock is that of the sandbox."""
    made = Desk(folder / "data", webex, kind, webex.clock)
    folder.mkdir(parents=True, exist_ok=True)
    if lists:
        made.policy(**lists)
    return made


EVERYBODY: dict[str, Any] = {"hosts": ["*@team.example"]}
HANAS: dict[str, Any] = {"hosts": ["hana@team.example"]}
