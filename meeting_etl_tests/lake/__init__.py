"""Tests of meeting_etl/lake."""
