"""What tests and benchmarks of models need, shipped so that others can use it: nothing here is imported by the program."""
