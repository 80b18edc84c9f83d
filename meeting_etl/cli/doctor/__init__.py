"""The command `doctor` and its checks."""

from meeting_etl.cli.doctor.command import doctor

__all__ = ["doctor"]
