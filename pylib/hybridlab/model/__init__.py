"""The cluster as it is meant: names are objects, defaults applied, identities and flows derived."""
