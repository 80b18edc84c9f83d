"""Switching recording on for meetings that were created, as the policy says."""
