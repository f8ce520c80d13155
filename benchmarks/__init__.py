"""Measurements: each prints figures and the ratio that a goal is set for, and fails for none of them."""
