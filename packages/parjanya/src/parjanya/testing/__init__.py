"""What stands in for the outside world in tests and drills: a model server that behaves, or misbehaves on purpose."""
