"""Rules on manifests of the user's own, a file per concern: what a server refuses, and what never works."""
