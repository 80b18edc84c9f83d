"""Tests of meeting_etl/webex."""
