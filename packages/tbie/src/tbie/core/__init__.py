"""Values without I/O: everything here is plain data or a pure function, and imports nothing above it."""
