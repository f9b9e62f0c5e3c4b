"""The systems under test: one file, one system, one protocol (``protocol.System``), each in processes of its own."""
