"""Invented companies, their meetings and what those leave behind."""
