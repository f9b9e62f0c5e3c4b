"""What the incidents left behind, asked of the templates themselves: whatever made them, and whoever edits them.

Callers: ``main`` after every synthesis, tests. A check is a function from what was synthesised to sentences about what is wrong.
"""
