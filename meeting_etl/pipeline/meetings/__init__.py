"""Rows of `meetings`, folded from webhook events and completed from the API."""
