"""Specs that nobody means: what `python -m hostile` makes of good ones, and how the program bears them."""
