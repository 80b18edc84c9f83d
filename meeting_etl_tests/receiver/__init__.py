"""Tests of meeting_etl/receiver."""
