"""Rows of meetings, from webhook events and from the API."""
