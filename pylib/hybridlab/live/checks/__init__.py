"""What `hybridlab verify` looks at, derived from the model: a module for each phase.

Each has a function `checks(cluster)` that yields its checks; `live.checks.all` knows them all.
"""
