"""The download host of the sandbox."""
