"""What has been fetched for each meeting and resource, and what is due next."""
