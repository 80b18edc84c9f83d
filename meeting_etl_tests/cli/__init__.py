"""Tests of meeting_etl/cli."""
