"""Switching recording on for meetings that were created."""
