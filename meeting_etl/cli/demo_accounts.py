"""The accounts of the demonstrations, as docs/accounts.md recommends them for an organization.

Belongs here: the settings that point the pipeline at an embedded Webex. Does not: what is done with
them (demo_run.py, demo_ui.py, demo_live.py).
"""

from pathlib import Path

from meeting_etl.sandbox.sandbox import Sandbox

# Of the guide's meeting, which its host reads.
_HOST = """\
[accounts.host]
kind = "user"
access_token = "env:WEBEX_HOST_TOKEN"
"""
_ORGANIZATION = """\
[accounts.admin]
kind = "admin"
access_token = "env:WEBEX_ADMIN_TOKEN"

[accounts.officer]
kind = "compliance"
access_token = "env:WEBEX_OFFICER_TOKEN"
"""


def demo_environ(
    webex: Sandbox, folder: Path, settings: str = "", *, world_name: str = "demo"
) -> dict[str, str]:
    """The variables that point the pipeline at that Webex and that data folder.

    An administrator and a compliance officer together read everything. Their accounts are in a
    settings file in the folder, which has the further `settings`, too.
    """
    path = folder / "settings.toml"
    path.write_text(settings + (_HOST if world_name == "guide" else _ORGANIZATION))
    return {
        "WEBEX_BASE_URL": webex.base_url,
        "WEBEX_HOST_TOKEN": webex.token("user"),
        "WEBEX_ADMIN_TOKEN": webex.token("admin"),
        "WEBEX_OFFICER_TOKEN": webex.token("compliance"),
        "WEBEX_REQUESTS_PER_MINUTE": "0",
        "MEETING_ETL_SETTINGS": str(path),
        "MEETING_ETL_DATA_DIR": str(folder),
    }
