"""`meeting-etl doctor`: checks everything that has to work, a few sections per module."""
