"""The way in for the admin: a key, a network to come from, and a login that NixOS does not use itself."""

import re
from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import host_of
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.ways import Place
from hybridlab.rules.wording import listed

_ADMIN = SpecPath.of("admin")


@rule(
    "ADM001",
    "no-ssh-key",
    summary="The admin has no ssh key.",
    rationale="""Keys are the only way in: neither the admin nor root has a password. After the deployment
        nobody can log in, and no other deployment can follow.""",
    source="modules/generated: users.users.<name>.openssh.authorizedKeys.keys",
    bad=Example(
        """
        admin: {sshKeys: []}
        """,
        at=_ADMIN / "sshKeys",
    ),
    good="""
        admin:
          sshKeys:
            - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o laptop
    """,
)
def no_ssh_key(cluster: Cluster) -> Iterable[Finding]:
    if not cluster.admin.ssh_keys:
        yield Finding(
            f"{cluster.admin.user} has no ssh key, so nobody could log in to any machine",
            _ADMIN / "sshKeys",
            "add a public key: the line in ~/.ssh/id_ed25519.pub",
            on_key=True,
        )


@rule(
    "ADM002",
    "ssh-from-nowhere",
    summary="No VLAN may log in to the machines.",
    rationale="""The firewall of every machine takes ssh from the admin's VLANs only. With none, the
        deployment that brings this firewall is the last one.""",
    source="model/flows.py: ssh is opened by flows from the admin's VLANs, and by nothing else",
    bad=Example(
        """
        admin: {sshFrom: []}
        """,
        at=_ADMIN / "sshFrom",
    ),
    good="""
        admin: {sshFrom: [management]}
    """,
)
def ssh_from_nowhere(cluster: Cluster) -> Iterable[Finding]:
    if cluster.admin.vlans:
        return
    if cluster.vlans:
        hint = f"name the VLANs that you come from: {listed([vlan.name for vlan in cluster.vlans])}"
        yield Finding("no VLAN may log in to any machine", _ADMIN / "sshFrom", hint, on_key=True)
    else:
        path = SpecPath.of("networks", "vlans")
        yield Finding("there is no VLAN, so no machine can be reached", path, "add one", on_key=True)


@rule(
    "ADM003",
    "host-out-of-reach",
    summary="The admin's VLANs do not reach a host.",
    rationale="""ssh is taken from the admin's VLANs. A host that has no address in one of them is reached
        through the router, which needs a gateway in the VLAN that the admin comes from and in one of the
        host's. Guests are deployed with their host, so they may be out of reach on purpose.""",
    source="model/flows.py; ip-route(8)",
    bad=Example(
        """
        admin: {sshFrom: [management]}
        hosts:
          homelab: {addresses: {management: null}}
        networks:
          vlans:
            management: {gateway: null}
        """,
        at=SpecPath.of("hosts", "homelab", "addresses"),
    ),
    good="""
        admin: {sshFrom: [management]}
        hosts:
          homelab: {addresses: {management: null}}
    """,
)
def host_out_of_reach(cluster: Cluster) -> Iterable[Finding]:
    vlans = cluster.admin.vlans
    admin = Place.of(vlans)
    for host in cluster.hosts:
        if not vlans or admin.reaches(host):
            continue
        place = listed([leg.vlan for leg in host.legs]) if host.legs else "no VLAN"
        yield Finding(
            f"{host} is in {place}, and ssh comes from {listed(vlans)}: no way leads there",
            host.path / "addresses",
            f"give {host} an address in {vlans[0]}",
            related=(Related("where the admin comes from", _ADMIN / "sshFrom"),),
            on_key=True,
        )


# Accounts of the modules that the machines use, and of every NixOS.
_SYSTEM_USER = re.compile(
    r"root|nobody|messagebus|sshd|polkituser|nscd|dhcpcd|systemd-[a-z-]+|nixbld[0-9]*"
    r"|microvm|kubernetes|etcd|cfssl"
)


@rule(
    "ADM004",
    "system-user",
    summary="The admin's login is an account of the system.",
    rationale="""NixOS refuses an account that is a person's and the system's at once; as root, the admin
        would be no user of their own.""",
    source="nixpkgs, nixos/modules/config/users-groups.nix (isNormalUser, isSystemUser)",
    bad=Example(
        """
        admin: {user: microvm}
        """,
        at=_ADMIN / "user",
    ),
    good="""
        admin: {user: micro}
    """,
)
def system_user(cluster: Cluster) -> Iterable[Finding]:
    if _SYSTEM_USER.fullmatch(cluster.admin.user):
        yield Finding(
            f"the admin's login is {cluster.admin.user!r}, which is an account of the system",
            _ADMIN / "user",
            "take a name of your own; root takes the same keys anyway",
        )


@rule(
    "ADM005",
    "control-plane-out-of-reach",
    severity=Severity.WARNING,
    summary="The admin's VLANs do not reach the control plane.",
    rationale="""ssh and the API server are open to the admin's VLANs, and no way leads from there to the
        control plane: nobody can fetch a kubeconfig, apply manifests, or look at why a node does not join.
        ssh by way of the host is refused, too, as the host's own address there is in another VLAN.""",
    source="model/flows.py; ip-route(8)",
    bad=Example(
        """
        admin: {sshFrom: [management]}
        networks:
          vlans:
            management: {gateway: null}
        """,
        at=_ADMIN / "sshFrom",
    ),
    good="""
        admin: {sshFrom: [management]}
    """,
)
def control_plane_out_of_reach(cluster: Cluster) -> Iterable[Finding]:
    vlans = cluster.admin.vlans
    admin = Place.of(vlans)
    if not vlans:
        return
    for node in cluster.control_plane[:1]:
        machine = node.machine
        # Where the host is out of reach, ADM003 tells of it; where only this machine has no way out, NET007.
        told = not admin.reaches(cluster.machine(host_of(machine)))
        told = told or (admin.has_way_out and all(leg.vlan.gateway is None for leg in machine.legs))
        if admin.reaches(machine) or told:
            continue
        place = listed([leg.vlan for leg in machine.legs])
        yield Finding(
            f"{machine}, the control plane, is in {place}, and ssh and kubectl come from {listed(vlans)}: "
            "no way leads there",
            _ADMIN / "sshFrom",
            f"add {machine.legs[0].vlan.name!r}, or give the VLANs on the way a gateway",
            related=(Related("the control plane", machine.path),),
        )
