"""Analytical views, on cases worked out by hand."""
