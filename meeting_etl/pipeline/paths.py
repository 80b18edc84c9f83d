"""Where downloaded files are: the layout of media/ and transcripts/.

Belongs here: the folder of a day and the name of a file. Does not: the lake's own layout
(lake/lake.py), bringing files here (pipeline/resources/).
"""

import hashlib
import re
from datetime import date

from meeting_etl.schemas import RECORDING_FILES, TRANSCRIPT_FILES

# Folders of files, by the resource, whose table names them.
FOLDERS = {RECORDING_FILES.name: "media", TRANSCRIPT_FILES.name: "transcripts"}
_FIT_FOR_A_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def files_folder(resource: str, day: date) -> str:
    """The folder of a day's files of a resource."""
    return f"{FOLDERS[resource]}/date={day}"


def file_stem(identifier: str) -> str:
    """A file name, without extension, for what has this id, whatever Webex may put into ids."""
    if _FIT_FOR_A_NAME.fullmatch(identifier):
        return identifier
    return hashlib.sha256(identifier.encode()).hexdigest()


def stem_of(name: str) -> str:
    """The stem that a file's name was made with, an unfinished file's included."""
    return name.removeprefix(".").partition(".")[0]
