"""What tests, drills and benchmarks of models need, shipped so that others can use it: no part of the program imports it."""
