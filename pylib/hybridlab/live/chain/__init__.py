"""Why a node has not joined: the chain of what has to be well, what journals say, and what mends it."""
