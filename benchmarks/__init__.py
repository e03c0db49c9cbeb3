"""One script for each speed claim; results are committed in `benchmarks/results`."""
