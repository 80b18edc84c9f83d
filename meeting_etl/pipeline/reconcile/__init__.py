"""What webhooks did not announce, found by listings and by id."""
