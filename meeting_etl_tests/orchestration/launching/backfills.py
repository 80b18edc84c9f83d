"""Backfills and runs as a user of the UI launches them, through its GraphQL."""

from dataclasses import dataclass
from typing import Any

from meeting_etl_tests.served_ui import ServedUi, wait_until

_REPOSITORY = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "meeting_etl.definitions",
}
_SENSORS = """
query ($repository: RepositorySelector!) {
  sensorsOrError(repositorySelector: $repository) {
    ... on Sensors { results { name sensorState { id ticks(limit: 1) { status } } } }
  }
}"""
_STOP = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"
_BACKFILL = """
mutation ($days: [String!]!, $assets: [AssetKeyInput!]!) {
  launchPartitionBackfill(backfillParams: {partitionNames: $days, assetSelection: $assets}) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
_CANCEL = "mutation ($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"
_STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
_RUNS = """
query ($id: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results { status } }
  }
}"""
_LAUNCH = """
mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { __typename }
}"""


@dataclass
class Backfills:
    """What a user does on the pages of the UI."""

    ui: ServedUi

    def stop_sensors(self) -> None:
        """Turn off all sensors, and wait for ticks that have begun: they may still launch runs."""
        for sensor in self._sensors():
            stopped = self.ui.ask(_STOP, id=sensor["id"])["stopSensor"]
            assert stopped == {"__typename": "StopSensorMutationResult"}
        wait_until(
            lambda: (
                not any(
                    tick["status"] == "STARTED"
                    for each in self._sensors()
                    for tick in each["ticks"]
                )
            )
        )

    def _sensors(self) -> list[dict[str, Any]]:
        """The state of each, with its latest tick."""
        found = self.ui.ask(_SENSORS, repository=_REPOSITORY)["sensorsOrError"]["results"]
        return [sensor["sensorState"] for sensor in found]

    def launch(self, days: list[str], *assets: str) -> str:
        """Launch a backfill; returns its id."""
        keys = [{"path": [name]} for name in assets]
        launched = self.ui.ask(_BACKFILL, days=days, assets=keys)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def done(self, days: list[str], *assets: str) -> int:
        """Launch a backfill and wait for it; returns of how many runs it consisted.

        Dagster calls a backfill completed when all is materialized, and its runs end after that.
        """
        backfill = self.launch(days, *assets)
        self._wait_for(backfill, "COMPLETED_SUCCESS")
        wait_until(lambda: all(run["status"] == "SUCCESS" for run in self._runs(backfill)))
        return len(self._runs(backfill))

    def _runs(self, backfill: str) -> list[dict[str, str]]:
        runs: list[dict[str, str]] = self.ui.ask(_RUNS, id=backfill)["runsOrError"]["results"]
        return runs

    def cancel(self, backfill: str) -> None:
        """Cancel a backfill and wait until it has ended."""
        canceled = self.ui.ask(_CANCEL, id=backfill)["cancelPartitionBackfill"]
        assert canceled == {"__typename": "CancelBackfillSuccess"}
        self._wait_for(backfill, "CANCELED")

    def launch_job(self, job: str, op: str, **form: Any) -> None:
        """Launch a job with the form of its op filled in."""
        parameters = {
            "selector": {**_REPOSITORY, "jobName": job},
            "runConfigData": {"ops": {op: {"config": form}}},
        }
        launched = self.ui.ask(_LAUNCH, parameters=parameters)["launchRun"]
        assert launched == {"__typename": "LaunchRunSuccess"}

    def _wait_for(self, backfill: str, status: str) -> None:
        def ended() -> bool:
            found = self.ui.ask(_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
            assert found in (status, "REQUESTED", "CANCELING", "COMPLETING"), found
            return bool(found == status)

        wait_until(ended, seconds=240)
