"""Scripts that print the figures of docs/benchmarks.md; none of them is a test."""
