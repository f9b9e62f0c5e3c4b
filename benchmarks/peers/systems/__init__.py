"""The systems under the faults: one file, one system, one protocol (``protocol.System``), in processes of its own."""
