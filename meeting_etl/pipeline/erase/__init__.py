"""Erasing a person or a meeting from all that is stored."""
