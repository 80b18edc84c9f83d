"""All that we keep."""
