"""Tests of meeting_etl/settings."""
