"""Where NixOS puts what several modules ask of machines; nobody is asked here."""

# easyCerts makes it (nixpkgs, cluster/kubernetes/pki.nix); its key can be read by root alone.
ADMIN_KUBECONFIG = "/etc/kubernetes/cluster-admin.kubeconfig"
