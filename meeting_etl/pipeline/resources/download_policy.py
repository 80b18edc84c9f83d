"""Which files of which recordings are downloaded.

Belongs here: the values of the settings section [downloads] and what they allow. Does not:
downloading (recording_files.py, download.py), reading settings.
"""

from dataclasses import dataclass

from meeting_etl.pipeline.rows import Row
from meeting_etl.texts import first_match


@dataclass(frozen=True)
class DownloadPolicy:
    """Which files of which recordings are downloaded; without kinds none are.

    `hosts` are shell patterns of e-mail addresses, in any case; none means all hosts. Bounds apply
    to the values that Webex lists: a recording without a size or duration is within them, one
    without a host is not. `runs` share what is due, each `at_once`.
    """

    kinds: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    largest_bytes: int | None = None
    longest_seconds: int | None = None
    at_once: int = 4
    runs: int = 1
    keep_free_bytes: int = 5 * 10**9

    def allows(self, recording: Row) -> bool:
        """Whether a recording is within the bounds."""
        bounds = (
            (recording["size_bytes"], self.largest_bytes),
            (recording["duration_seconds"], self.longest_seconds),
        )
        if any(value is not None and most is not None and value > most for value, most in bounds):
            return False
        return not self.hosts or first_match(recording["host_email"], self.hosts) is not None
