"""The webhook logs: which files there are, what is new in them, and what a line says."""
