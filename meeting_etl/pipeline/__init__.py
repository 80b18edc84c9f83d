"""What the product does, in plain functions: no Dagster, no settings."""
