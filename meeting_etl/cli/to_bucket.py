"""`migrate --to`: move a data folder to a bucket.

Belongs here: what it asks and prints. Does not: moving (pipeline/to_bucket/).
"""

from typing import TYPE_CHECKING

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext
from meeting_etl.cli.dev import UI_LOCK
from meeting_etl.cli.options import confirm
from meeting_etl.cli.progress import progress
from meeting_etl.errors import SettingsError
from meeting_etl.object_storage.urls import url_of
from meeting_etl.pipeline.to_bucket.contents import Count, contents_of, counts
from meeting_etl.pipeline.to_bucket.move import check_target, move

if TYPE_CHECKING:
    from meeting_etl.object_storage.object_files import ObjectFiles
    from meeting_etl.settings import Etl

_COLUMNS = ["table", "files", "rows", "bytes"]
# What the bucket has afterwards.
_NOT_NEEDED = ("lake", "media", "transcripts", "meetings.duckdb", "datapackage.json")


class Target:
    """A bucket that a data folder is moved to.

    Raises SettingsError when it cannot be that, or has other data, and StorageError when it cannot
    be read.
    """

    def __init__(self, context: CommandContext, etl: "Etl", to: str) -> None:
        url = url_of(to, "--to")
        if etl.settings.bucket == url:
            raise SettingsError(f"MEETING_ETL_DATA_DIR is {url}: it is there already.")
        if etl.settings.bucket is not None:
            raise SettingsError(
                f"MEETING_ETL_DATA_DIR is {etl.settings.bucket}, a bucket already. --to moves a "
                "folder; copy a bucket by the means of its provider."
            )
        self._source = etl
        self._etl = context.moved_to(url, etl.settings.data_dir)
        self._bucket = _bucket_of(self._etl)
        mark = check_target(etl.files, self._bucket)
        self.is_begun = mark is not None
        self._is_done = mark is not None and mark.is_done

    def show(self) -> None:
        """Show what would be moved."""
        if self._is_done:
            display.say(f"{self._source.files.root} was moved to {self._bucket.url} already.")
            return
        with progress() as meter:
            found = counts(contents_of(self._source.lake_in_move, meter))
        _show(f"To be moved to {self._bucket.url}", found)

    def move(self, *, yes: bool) -> None:
        """Move it, after a question, and say what to do next."""
        folder, url = self._source.files.root, self._bucket.url
        if not yes and not self._is_done:
            confirm(f"Move {folder} to {url}? Nothing may work there meanwhile.")
        if self._source.state.is_locked(UI_LOCK):
            raise SettingsError(f"The Dagster UI of {folder} is running: stop it, and its daemon.")
        with progress() as meter:
            lake, queue = self._source.lake_in_move, self._source.queue
            moved = move(lake, queue, self._bucket, self._finish, meter)
        if moved:
            _show(f"Moved to {url}, and compared there", moved)
        places = (f"export MEETING_ETL_DATA_DIR={url}", f"export MEETING_ETL_WORK_DIR={folder}")
        where = ""
        if tenant := self._source.tenant:
            places = (f'MEETING_ETL_DATA_DIR = "{url}"', f'MEETING_ETL_WORK_DIR = "{folder}"')
            where = f" in [tenants.{tenant}]"
        display.say(
            f"{folder} is in {url}. Now set{where}, on every machine:\n"
            f"{places[0]}\n{places[1]}\n"
            "Everything that used the folder as the data folder is refused from now on."
        )
        left = [name for name in _NOT_NEEDED if (folder / name).exists()]
        if left:
            display.say(
                f"Of the folder, {', '.join(left)} may be removed, and should be in time: what is "
                "erased or pruned in the bucket stays there."
            )
        if self._source.settings.state_url is not None:
            display.say(
                "In PostgreSQL, the same is true of the rows of state_values, buckets and due_days "
                f"whose root is {folder}."
            )

    def _finish(self) -> None:
        from meeting_etl.lake import catalog

        self._source.shared.copy_to(self._bucket.url)
        etl = self._etl
        catalog.publish(etl.files, etl.lake_in_move, etl.settings.analytics)


def _bucket_of(etl: "Etl") -> "ObjectFiles":
    from meeting_etl.object_storage.object_files import ObjectFiles

    assert isinstance(etl.storage, ObjectFiles)  # noqa: S101 - for the type checker
    return etl.storage


def _show(title: str, found: list[Count]) -> None:
    rows = [[count.name, count.files, count.rows, count.size_bytes] for count in found]
    display.show_table(title, _COLUMNS, rows)
