"""The report, read as its file."""
