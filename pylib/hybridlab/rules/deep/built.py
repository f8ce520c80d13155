"""Whether NixOS builds the machines at all."""

from collections.abc import Iterable, Sequence

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule

_HOMELAB = SpecPath.of("hosts", "homelab")


@deep_rule(
    "NIX137",
    "not-built",
    summary="A module refuses a machine, so that it can not be built.",
    rationale="""Modules of NixOS, microvm.nix, sops-nix and hybridlab assert what they need. Where an
        assertion fails, `nix build` and `hybridlab deploy` end with its message.""",
    source="nixpkgs, nixos/modules/system/activation/top-level.nix (failed assertions)",
    reads=(),
    bad=Example("homelab", "networking.nftables.flushRuleset = lib.mkForce true;", at=_HOMELAB),
    good=Example("homelab", "networking.nftables.flushRuleset = false;", at=_HOMELAB),
    waivable=False,
)
def not_built(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        for said in seen.nixos.failed:
            yield Difference(
                seen.machine,
                f"can not be built, since a module says: {' '.join(said.split())}",
                seen.machine.path,
                "mend what it is about; `nix flake check` says the same",
                on_key=True,
            )
