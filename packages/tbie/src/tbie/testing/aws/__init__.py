"""A local server of AWS's interfaces for tests: started by them, on loopback, on a free port, stopped by process id."""
