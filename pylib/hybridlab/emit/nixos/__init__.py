"""NixOS option values, one module per concern, each named like the file that it fills."""
