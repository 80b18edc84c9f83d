"""The meeting-etl command."""
