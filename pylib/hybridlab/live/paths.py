"""Where NixOS puts what several modules ask of machines; nobody is asked here."""

import re

# easyCerts makes it (nixpkgs, cluster/kubernetes/pki.nix); its key can be read by root alone.
ADMIN_KUBECONFIG = "/etc/kubernetes/cluster-admin.kubeconfig"

# The generations of NixOS; what a machine starts with is the one that this leads to.
PROFILE = "/nix/var/nix/profiles/system"
# What of a system only a restart brings: NixOS's own rule (nixos/modules/tasks/auto-upgrade.nix). The words
# of the boot line are beside these, in `kernel-params`.
BOOTED_PARTS = ("kernel", "initrd", "kernel-modules")

_STORE_PATH = re.compile(r"/nix/store/[0-9A-Za-z+._?=-]{1,300}")


def is_store_path(text: str) -> bool:
    """Whether this is a path in Nix's store, itself: what a link into it leads to if it is well.

    `readlink -f` prints a path of a link that is not there, too, as where there is no NixOS.
    """
    return _STORE_PATH.fullmatch(text) is not None
