"""Ops: work that is started from a form of the UI or by a schedule, and fills no table."""
