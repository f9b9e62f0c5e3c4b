"""Composition roots: the only modules that name concrete backends. Everything else is handed its stores."""
