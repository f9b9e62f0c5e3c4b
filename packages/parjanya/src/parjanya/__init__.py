"""Parjanya: image intake and judgement on the TBIE kernel."""
