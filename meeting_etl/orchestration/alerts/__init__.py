"""Alerts about failed runs and checks."""
