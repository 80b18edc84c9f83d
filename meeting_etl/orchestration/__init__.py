"""When the pipeline runs: the Dagster side."""
