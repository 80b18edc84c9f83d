"""What several machines need: PostgreSQL. Run by `make test-cluster`."""
