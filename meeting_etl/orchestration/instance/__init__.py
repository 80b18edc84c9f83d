"""The Dagster instance: its folder, its storages, how long it keeps runs."""
