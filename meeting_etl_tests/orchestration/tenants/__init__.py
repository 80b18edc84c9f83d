"""Tests of several tenants in one code location and on one instance."""
