"""What is downloaded of recordings: which files are wanted, and a FetchSpec that brings them here.

Belongs here: RECORDING_FILES: choice, bounds, names, what is here already. Does not: the transfer
of a file (download.py), files of transcripts (transcript_files.py), when it is done
(pipeline/fetch/fetch.py).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from meeting_etl import schemas
from meeting_etl.errors import BadResponse, Gone, Prevented, Refused
from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome, Reason
from meeting_etl.pipeline.paths import file_stem, files_folder
from meeting_etl.pipeline.resources.download import Download, DownloadContext, DownloadedFile
from meeting_etl.pipeline.resources.download_policy import DownloadPolicy
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing

# Kind of file → the link to it in temporaryDirectDownloadLinks (GET /recordings/{id}).
LINKS = {
    "video": "recordingDownloadLink",
    "audio": "audioDownloadLink",
    "transcript": "transcriptDownloadLink",
}
_VIDEO_EXTENSIONS = {"MP4": "mp4", "ARF": "arf"}
# More cannot be meant, nor be kept in a column.
_SIZE_DIGITS = 18


def what_came(get: Callable[[str], Item], kinds: Sequence[str]) -> Listing:
    """The items of these kinds of file; one that did not come is a broken one of the listing.

    What came is told all the same: it need not be sent again. Raises the first BadResponse or
    Refused when nothing came.
    """
    items: list[Item] = []
    failed: list[BadResponse | Refused] = []
    for kind in kinds:
        try:
            items.append(get(kind))
        except (BadResponse, Refused) as error:
            failed.append(error)
    if failed and not items:
        raise failed[0]
    return Listing(items, [{} for _ in failed])


def discard(download_context: DownloadContext, folder: str, recording_id: str) -> None:
    """Leave nothing unfinished of a recording that will not come any more."""
    start = f".{file_stem(recording_id)}."
    for name in download_context.files.names(folder):
        if name.startswith(start):
            download_context.files.remove(f"{folder}/{name}")


def recording_files(download_context: DownloadContext, wanted: DownloadPolicy) -> FetchSpec:
    """The spec of recording_files; links are asked for at the moment of their use."""
    return FetchSpec(
        schemas.RECORDING_FILES,
        lambda webex, target: _Recording(download_context, wanted, webex, target).files(),
        _rows,
        parent=schemas.RECORDINGS,
        is_final=lambda rows: {row["kind"] for row in rows} >= set(wanted.kinds),
        not_final_reason=Reason.LINKS_MISSING,
        before_request=lambda target: _beforehand(download_context, wanted, target),
        cancel=download_context.cancel.set,
    )


def _beforehand(
    download_context: DownloadContext, wanted: DownloadPolicy, target: Target
) -> Outcome | None:
    """What is known without asking; then nothing unfinished stays of it."""
    recording = target.parent
    outcome = None
    if recording is None or is_deleted(recording):
        outcome = Outcome.DELETED
    elif not wanted.allows(recording):
        outcome = Outcome.OUT_OF_BOUNDS
    if outcome is not None:
        discard(download_context, _folder(target), target.work_item.resource_id)
    return outcome


def _folder(target: Target) -> str:
    return files_folder(schemas.RECORDING_FILES.name, target.ended_at.date())


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    ours = ours | {"recording_id": target.work_item.resource_id, "meeting_id": target.meeting_id}
    drift.other_sizes += sum(item["told_bytes"] not in (None, item["bytes"]) for item in items)
    # What lay here already keeps the moment at which it came.
    return [ours | item for item in items]


class _Recording:
    """One recording, the files of which are brought here."""

    def __init__(
        self,
        download_context: DownloadContext,
        wanted: DownloadPolicy,
        webex: Webex,
        target: Target,
    ) -> None:
        self._depot = download_context
        self._kinds = wanted.kinds
        self._webex = webex
        self._id = target.work_item.resource_id
        self._host_email = (target.parent or {}).get("host_email")
        self._format = (target.parent or {}).get("format")
        self._held = {row["kind"]: row for row in target.stored_files if row["removed_at"] is None}
        self._folder = _folder(target)
        self._links: Mapping[str, str] = {}
        self._told_bytes: int | None = None

    def files(self) -> Listing:
        """One item for each wanted kind that there is: values of columns of recording_files."""
        try:
            self._ask()
            return what_came(self._file, [one for one in self._kinds if LINKS[one] in self._links])
        except Refused:
            discard(self._depot, self._folder, self._id)
            raise

    def _ask(self) -> None:
        """Details, with fresh links."""
        item = self._webex.recording(self._id, host_email=self._host_email)
        if item.get("status") in ("deleted", "purged"):
            raise Gone(f"Recording {self._id} was deleted.", 200)
        links = item.get("temporaryDirectDownloadLinks")
        if not links:
            raise Prevented(f"Recording {self._id} is not to be downloaded.", 200)
        told = links if isinstance(links, dict) else {}
        self._links = {name: link for name, link in told.items() if isinstance(link, str) and link}
        # Webex is known to send numbers as text, too.
        size = str(item.get("sizeBytes"))
        self._told_bytes = int(size) if size.isdecimal() and len(size) <= _SIZE_DIGITS else None

    def _renewed(self, kind: str) -> str:
        self._ask()
        return self._link(kind)

    def _link(self, kind: str) -> str:
        """The link; renewing that of another file may have shown that it is there no longer."""
        if LINKS[kind] not in self._links:
            raise BadResponse(f"Recording {self._id} has no link to its {kind} any more.")
        return self._links[LINKS[kind]]

    def _file(self, kind: str) -> Item:
        told = self._told_bytes if kind == "video" else None
        stem = f"{file_stem(self._id)}.{kind}"
        transfer = Download(self._depot, self._folder, stem)
        item = self._here(kind, told)
        if item is None:
            arrived = transfer.run(self._link(kind), lambda: self._renewed(kind), told)
            path = f"{self._folder}/{file_stem(self._id)}.{self._extension(kind, arrived)}"
            transfer.finish(path)
            if kind in self._held and self._held[kind]["path"] != path:
                # It lay on another day before the end of the meeting was corrected.
                self._depot.files.remove(self._held[kind]["path"])
            item = {"path": path, "bytes": arrived.size_bytes, "sha256": arrived.sha256}
        return item | {"kind": kind, "told_bytes": told}

    def _here(self, kind: str, told: int | None) -> Item | None:
        """What the lake knows of the file, if it is here and Webex still tells the same size.

        A whole file without a row is what a kill left: it is taken as it is.
        """
        files, row = self._depot.files, self._held.get(kind)
        if row is not None:
            same = row["told_bytes"] == told and files.size_bytes(row["path"]) == row["bytes"]
            kept = ("path", "bytes", "sha256", "run_id", "fetched_at")
            return {name: row[name] for name in kept} if same else None
        path = f"{self._folder}/{file_stem(self._id)}.{self._extension(kind, None)}"
        if told is None or files.size_bytes(path) != told:
            return None
        return {"path": path, "bytes": told, "sha256": self._sha256(path)}

    def _sha256(self, path: str) -> str:
        files = self._depot.files
        with files.translate_errors(path, doing="read"), files.path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _extension(self, kind: str, arrived: DownloadedFile | None) -> str:
        if kind == "video":
            return _VIDEO_EXTENSIONS.get(self._format or "", "media")
        if kind == "audio":
            return "mp3"
        return "txt" if arrived and arrived.media_type == "text/plain" else "vtt"
