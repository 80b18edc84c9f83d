"""Tests of meeting_etl/webhook_logs."""
