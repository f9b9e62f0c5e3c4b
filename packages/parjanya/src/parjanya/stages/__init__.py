"""The stages of the workflow: one file each, with the facts it owns, its version and its handler."""
