"""Files of recordings, in media/: video, audio and transcript.

Endpoint: GET /recordings/{id}, for links that are valid for hours; files are on another host.
Windows: none.
Rows: `recording_files`, one a kind of file.
Opened by: a recording that was listed (recordings.py), where [downloads] recordings is switched on;
for those listed before that by pipeline/ledger/newly_enabled.py. Opens: nothing.
Final: when all wanted kinds were downloaded, or with the last attempt.

Does not belong here: the download of one file (download.py), its run
(pipeline/days/download_days.py).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from meeting_etl import schemas
from meeting_etl.errors import BadResponse, Gone, Prevented, Refused
from meeting_etl.pipeline.deletions.tombstones import DELETED_STATUSES, is_deleted
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
# A longer number cannot be a size, nor be stored in a column.
_SIZE_DIGITS = 18
# Columns of a stored file that stay as they are when it need not be downloaded again.
_STORED_COLUMNS = ("path", "bytes", "sha256", "run_id", "fetched_at")


def collect_files(download: Callable[[str], Item], kinds: Sequence[str]) -> Listing:
    """Download files of these kinds; one that fails is a broken item of the listing.

    The others count anyway: they need not be downloaded again. Raises the first BadResponse or
    Refused when all failed.
    """
    items: list[Item] = []
    failed: list[BadResponse | Refused] = []
    for kind in kinds:
        try:
            items.append(download(kind))
        except (BadResponse, Refused) as error:
            failed.append(error)
    if failed and not items:
        raise failed[0]
    return Listing(items, [{} for _ in failed])


def discard(download_context: DownloadContext, folder: str, recording_id: str) -> None:
    """Remove the unfinished files of a recording that will not be downloaded."""
    start = f".{file_stem(recording_id)}."
    for name in download_context.files.names(folder):
        if name.startswith(start):
            download_context.files.remove(f"{folder}/{name}")


def recording_files(download_context: DownloadContext, policy: DownloadPolicy) -> FetchSpec:
    """The spec of recording_files; links are requested right before they are used."""
    return FetchSpec(
        schemas.RECORDING_FILES,
        lambda webex, target: _RecordingDownload(download_context, policy, webex, target).files(),
        _rows,
        before_request=lambda target: _known_outcome(download_context, policy, target),
        cancel=download_context.cancel.set,
        is_final=lambda rows: {row["kind"] for row in rows} >= set(policy.kinds),
        not_final_reason=Reason.LINKS_MISSING,
        parent=schemas.RECORDINGS,
    )


def _known_outcome(
    download_context: DownloadContext, policy: DownloadPolicy, target: Target
) -> Outcome | None:
    """The outcome that needs no request; then unfinished files are removed."""
    recording = target.parent
    outcome = None
    if recording is None or is_deleted(recording):
        outcome = Outcome.DELETED
    elif not policy.allows(recording):
        outcome = Outcome.OUT_OF_BOUNDS
    if outcome is not None:
        discard(download_context, _folder(target), target.work_item.resource_id)
    return outcome


def _folder(target: Target) -> str:
    return files_folder(schemas.RECORDING_FILES.name, target.ended_at.date())


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    ours = ours | {"recording_id": target.work_item.resource_id, "meeting_id": target.meeting_id}
    drift.other_sizes += sum(item["told_bytes"] not in (None, item["bytes"]) for item in items)
    # Files that were stored before keep the run and time of their download.
    return [ours | item for item in items]


class _RecordingDownload:
    """Downloads the files of one recording."""

    def __init__(
        self,
        download_context: DownloadContext,
        policy: DownloadPolicy,
        webex: Webex,
        target: Target,
    ) -> None:
        self._context = download_context
        self._kinds = policy.kinds
        self._webex = webex
        self._id = target.work_item.resource_id
        self._host_email = (target.parent or {}).get("host_email")
        self._format = (target.parent or {}).get("format")
        self._stored = {row["kind"]: row for row in target.stored_files if not row["removed_at"]}
        self._folder = _folder(target)
        self._links: Mapping[str, str] = {}
        self._listed_bytes: int | None = None

    def files(self) -> Listing:
        """One item for each wanted kind that has a link: values of columns of recording_files."""
        try:
            self._request_links()
            available = [kind for kind in self._kinds if LINKS[kind] in self._links]
            return collect_files(self._file, available)
        except Refused:
            discard(self._context, self._folder, self._id)
            raise

    def _request_links(self) -> None:
        item = self._webex.recording(self._id, host_email=self._host_email)
        if item.get("status") in DELETED_STATUSES:
            raise Gone(f"Recording {self._id} was deleted.", 200)
        links = item.get("temporaryDirectDownloadLinks")
        if not links:
            raise Prevented(f"The host does not allow downloads of recording {self._id}.", 200)
        named = links if isinstance(links, dict) else {}
        self._links = {name: link for name, link in named.items() if isinstance(link, str) and link}
        # Webex sends some numbers as text.
        size = str(item.get("sizeBytes"))
        self._listed_bytes = int(size) if size.isdecimal() and len(size) <= _SIZE_DIGITS else None

    def _renewed_link(self, kind: str) -> str:
        self._request_links()
        return self._link(kind)

    def _link(self, kind: str) -> str:
        """The link, which may have disappeared when that of another file was renewed."""
        if LINKS[kind] not in self._links:
            raise BadResponse(f"Recording {self._id} no longer has a link to its {kind}.")
        return self._links[LINKS[kind]]

    def _file(self, kind: str) -> Item:
        """One file, downloaded unless it is stored already."""
        listed_bytes = self._listed_bytes if kind == "video" else None
        item = self._stored_file(kind, listed_bytes)
        if item is None:
            item = self._download(kind, listed_bytes)
        return item | {"kind": kind, "told_bytes": listed_bytes}

    def _download(self, kind: str, listed_bytes: int | None) -> Item:
        download = Download(self._context, self._folder, f"{file_stem(self._id)}.{kind}")
        file = download.run(self._link(kind), lambda: self._renewed_link(kind), listed_bytes)
        path = f"{self._folder}/{file_stem(self._id)}.{self._extension(kind, file)}"
        download.finish(path)
        if kind in self._stored and self._stored[kind]["path"] != path:
            # From before the end of the meeting was corrected to another day.
            self._context.storage.remove(self._stored[kind]["path"])
        return {"path": path, "bytes": file.size_bytes, "sha256": file.sha256}

    def _stored_file(self, kind: str, listed_bytes: int | None) -> Item | None:
        """The stored file, if it is complete and Webex still lists the same size.

        A complete file without a row was left by a kill, and is taken as it is.
        """
        storage, row = self._context.storage, self._stored.get(kind)
        if row is not None:
            is_same = row["told_bytes"] == listed_bytes
            is_complete = storage.size_bytes(row["path"]) == row["bytes"]
            return (
                {name: row[name] for name in _STORED_COLUMNS} if is_same and is_complete else None
            )
        path = f"{self._folder}/{file_stem(self._id)}.{self._extension(kind, None)}"
        if listed_bytes is None or storage.size_bytes(path) != listed_bytes:
            return None
        return {"path": path, "bytes": listed_bytes, "sha256": self._sha256(path)}

    def _sha256(self, path: str) -> str:
        with self._context.storage.reading(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _extension(self, kind: str, file: DownloadedFile | None) -> str:
        if kind == "video":
            return _VIDEO_EXTENSIONS.get(self._format or "", "media")
        if kind == "audio":
            return "mp3"
        return "txt" if file and file.media_type == "text/plain" else "vtt"
