"""Addresses that commands listen on.

Belongs here: how they are written, and the warning when others can reach one. Does not: servers
(dev.py, receive.py).
"""

from meeting_etl.addresses import is_loopback
from meeting_etl.cli import display


def address(host: str, port: int) -> str:
    """Host and port as in a URL."""
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def warn_if_reachable(host: str, danger: str) -> None:
    """Warn when other machines can reach the host."""
    if not is_loopback(host):
        display.say(f"Warning: {host} can be reached from other machines. {danger}")
