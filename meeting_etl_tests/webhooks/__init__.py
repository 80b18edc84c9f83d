"""Tests of meeting_etl/webhooks."""
