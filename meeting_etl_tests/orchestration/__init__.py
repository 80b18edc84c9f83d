"""Tests of meeting_etl/orchestration."""
