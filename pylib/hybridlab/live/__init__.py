"""Machines as they are: the only code that runs other programs and talks to the network."""
