"""Rules about what NixOS makes of the machines, held against the cluster: what `check --deep` looks at."""
