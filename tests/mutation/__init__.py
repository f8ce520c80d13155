"""Mutation testing of the rules: a small fault in one of them must fail a test (`just mutants`)."""
