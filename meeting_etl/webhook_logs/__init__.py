"""The webhook logs: which files exist, what is new in them, and which event a line has."""
