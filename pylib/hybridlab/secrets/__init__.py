"""What sops files show without a key, and whether that is what the cluster wants; nothing is decrypted."""
