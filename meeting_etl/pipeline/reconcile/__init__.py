"""Meetings and recordings that no webhook event announced, found by listings and by id."""
