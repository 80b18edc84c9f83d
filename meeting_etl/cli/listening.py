"""Addresses that commands listen on.

Belongs here: their family and form, and a word to whoever opens one to others. Does not: the
servers (dev.py, receive.py).
"""

import socket

from meeting_etl.cli import display
from meeting_etl.webex.transport import is_loopback


def family(host: str) -> socket.AddressFamily:
    """That of the sockets which listen on a host."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def address(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def warn_of_others(host: str, danger: str) -> None:
    """Say what others can do where more than this machine reaches the host."""
    if not is_loopback(host):
        display.say(f"Warning: {host} can be reached from other machines. {danger}")
