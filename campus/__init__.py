"""Campus: a small stand-in Moodle for the demo, the tests and the benchmarks."""
