"""Network settings: the proxies and certificates that this machine's environment names.

Belongs here: reading HTTPS_PROXY, REQUESTS_CA_BUNDLE and the like, and checking them. Does not:
sending (transport.py, media.py).
"""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from meeting_etl.addresses import is_loopback
from meeting_etl.errors import SettingsError


def network_settings(url: str) -> dict[str, Any]:
    """Proxies and certificates for a host, as keywords of `HTTPAdapter.send`.

    Raises SettingsError when the environment names certificates that cannot be used.
    """
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, None, None, None)
    if is_loopback(urlsplit(url).hostname or ""):
        found["proxies"] = {}  # no proxy leads to this machine, where the sandbox runs
    if isinstance(found["verify"], str) and (problem := _bundle_problem(Path(found["verify"]))):
        raise SettingsError(
            f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names {found['verify']}, which {problem}; set "
            "it to the file of certificates that this machine trusts."
        )
    return {name: found[name] for name in ("proxies", "verify", "cert")}


def _bundle_problem(path: Path) -> str | None:
    """Why a file or folder of trusted certificates cannot be used; None when it can."""
    if path.is_dir():
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:  # an OSError, too
        return "has no certificates in PEM format"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None
