"""Tests of meeting_etl/pipeline."""
