"""The software-defined assets of the pipeline."""
