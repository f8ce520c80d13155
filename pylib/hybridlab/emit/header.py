"""What stands at the head of every generated file; the printers of Nix and YAML make it a comment."""

HEADER = (
    "Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.",
)
