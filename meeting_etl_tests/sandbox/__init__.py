"""Tests of meeting_etl/sandbox."""
