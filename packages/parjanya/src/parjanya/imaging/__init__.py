"""Everything that turns bytes into pixels and pixels into figures."""
