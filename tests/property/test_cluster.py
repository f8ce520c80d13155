"""Laws of whole clusters, from the text of a spec to generated files."""

import copy
import random
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import yaml
from hypothesis import assume, event, given, reject, settings
from hypothesis import strategies as st

from hybridlab import apply, check, emit_all, parse_spec, plan, resolve
from hybridlab.emit.file import FileSet
from hybridlab.errors import ReportedError
from hybridlab.model.cluster import Cluster
from hybridlab.model.flows import FlowKind
from hybridlab.rules.registry import ALL_RULES
from nix_programs import assert_nix_parses, nix_reads_all
from strategies import Data, any_clusters, as_yaml, good_clusters, shuffled


def accepted(data: Data) -> Cluster:
    cluster = resolve(parse_spec(as_yaml(data)))
    report = check(cluster)
    assert report.ok, [(d.code, d.message) for d in report.errors]
    return cluster


def files_of(files: FileSet, machine: str) -> dict[str, str]:
    return {str(f.path): f.text for f in files if f"modules/generated/{machine}/" in str(f.path)}


@settings(max_examples=60)
@given(good_clusters())
def test_no_address_port_or_identity_is_given_twice(data: Data) -> None:
    cluster = accepted(data)
    addresses = [leg.address for machine in cluster.machines for leg in machine.legs]
    gateways = [vlan.gateway for vlan in cluster.vlans]
    assert len({*addresses, *gateways}) == len(addresses) + len(gateways)
    assert all(leg.address in leg.vlan.network for m in cluster.machines for leg in m.legs)
    assert max(Counter(guest.identity.mac for guest in cluster.guests).values(), default=1) == 1
    for host in cluster.hosts:
        for identities in ([g.identity.tap for g in host.guests], [g.identity.cid for g in host.guests]):
            assert len(set(identities)) == len(identities)
    for firewall in cluster.firewalls.values():
        opened = [(o.interface, o.protocol, o.port) for o in firewall.openings]
        opened += [("any", n.protocol, n.port) for n in firewall.node_ports]
        assert len(set(opened)) == len(opened)


@settings(max_examples=60)
@given(good_clusters())
def test_firewall_opens_what_flows_ask_for_and_nothing_else(data: Data) -> None:
    cluster = accepted(data)
    asked = {
        (
            flow.destination,
            flow.leg.interface if flow.kind is FlowKind.MACHINE else "",
            flow.protocol,
            flow.port,
            flow.source.network,
        )
        for flow in cluster.flows
    }
    opened = [
        (machine, opening.interface, opening.protocol, opening.port, source)
        for machine, firewall in cluster.firewalls.items()
        for opening in firewall.openings
        for source in opening.sources
    ]
    opened += [
        (machine, "", node_port.protocol, node_port.port, source)
        for machine, firewall in cluster.firewalls.items()
        for node_port in firewall.node_ports
        for source in node_port.sources
    ]
    assert set(opened) == asked
    assert len(opened) == len(asked)


@settings(max_examples=60)
@given(good_clusters(most_guests=12), st.randoms(use_true_random=False))
def test_guest_that_comes_goes_or_moves_changes_no_other_machines_files(
    data: Data, source: random.Random
) -> None:
    if not data["guests"]:
        return
    gone = source.choice(sorted(data["guests"]))
    # Its membership goes first: a cluster that loses its control plane is another cluster.
    if data["guests"][gone].get("kubernetes", {}).get("role") == "control-plane":
        return
    without = copy.deepcopy(data)
    home = without["guests"].pop(gone)["host"]
    without.get("secrets", {"recipients": {}})["recipients"].pop(gone, None)
    without["guests"] = shuffled(without["guests"], source)
    before, after = (emit_all(accepted(d)) for d in (data, without))
    for name in {*data["hosts"], *without["guests"]} - {home}:
        assert files_of(before, name) == files_of(after, name)
    old, new = files_of(before, home), files_of(after, home)
    changed = {path for path, text in old.items() if new.get(path) != text}
    assert {Path(path).name for path in changed} <= {
        "default.nix",
        "microvms.nix",
        "network.nix",
        "kubernetes.nix",
        "secrets.nix",
    }


@settings(max_examples=40)
@given(good_clusters(most_guests=12), st.randoms(use_true_random=False))
def test_order_of_keys_never_matters(data: Data, source: random.Random) -> None:
    other = shuffled(data, source)
    assert parse_spec(as_yaml(other)) == parse_spec(as_yaml(data))
    assert emit_all(accepted(other)) == emit_all(accepted(data))


@settings(max_examples=300)
@given(any_clusters())
def test_a_spec_is_refused_or_generates_and_never_raises_anything_else(data: Data) -> None:
    try:
        text = as_yaml(data)
        cluster = resolve(parse_spec(text))
    except ReportedError as error:
        assert error.report.errors
        assert all(d.span is not None and d.message.isprintable() for d in error.report)
        event("refused while it is read or resolved")
        return
    report = check(cluster)
    assert all(d.span is not None for d in report)
    if report.ok:
        assert len(emit_all(cluster))
    event("accepted" if report.ok else "refused by a rule")


@settings(max_examples=15)
@given(good_clusters(most_guests=5))
def test_generating_twice_is_generating_once(data: Data) -> None:
    files = emit_all(accepted(data))
    assert files == emit_all(accepted(data))
    with TemporaryDirectory() as name:
        apply(plan(files, Path(name)))
        assert plan(files, Path(name)).is_current


@settings(max_examples=12)
@given(good_clusters(most_guests=6))
def test_generated_nix_parses_and_says_what_the_model_says(data: Data) -> None:
    cluster = accepted(data)
    files = emit_all(cluster)
    assert_nix_parses([f.text for f in files if f.path.suffix == ".nix" and f.path.name != "secrets.nix"])
    pairs: list[tuple[str, object]] = []
    for machine in cluster.machines:
        firewall = cluster.firewalls[machine.name]
        expected = [
            {
                "interface": o.interface,
                "protocol": o.protocol.value,
                "port": o.port,
                "sources": [str(source) for source in o.sources],
                "reason": o.reason,
            }
            for o in firewall.openings
        ]
        text = files[f"modules/generated/{machine.name}/firewall.nix"].text
        pairs.append((f"({text}).hybridlab.firewall.openings", expected))
        text = files[f"modules/generated/{machine.name}/users.nix"].text
        keys = list(cluster.admin.ssh_keys)
        pairs.append((f"({text}).users.users.root.openssh.authorizedKeys.keys", keys))
    assert all(nix_reads_all(pairs))


@settings(max_examples=60)
@given(good_clusters(most_guests=4))
def test_text_of_the_spec_comes_out_of_manifests_as_text(data: Data) -> None:
    cluster = accepted(data)
    files = emit_all(cluster)
    if "workloads" not in data:
        return
    deployment = yaml.safe_load(files["k8s/llm/deployment.yaml"].text)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    given_env = data["workloads"]["llm"]["env"]
    env = {entry["name"]: entry["value"] for entry in container.get("env", [])}
    assert given_env.items() <= env.items()


@settings(max_examples=40)
@given(good_clusters(most_guests=8))
def test_yaml_and_python_give_equal_specs(data: Data) -> None:
    from_file = parse_spec(as_yaml(data))
    names = [f.name for f in attrs.fields(type(from_file)) if f.name != "source"]
    fields = {name: getattr(from_file, name) for name in names}
    assert type(from_file)(**fields) == from_file
    for name, guest in data["guests"].items():
        assert from_file.guests[name].address == ip_address(guest["address"])


_FATAL = {rule.code for rule in ALL_RULES if not rule.waivable}


@settings(max_examples=150)
@given(any_clusters())
def test_whatever_a_waiver_may_set_aside_can_be_generated(data: Data) -> None:
    try:
        cluster = resolve(parse_spec(as_yaml(data)))
    except ReportedError:
        reject()
    errors = {diagnostic.code for diagnostic in check(cluster).errors}
    assume(not errors & _FATAL)
    event(f"errors: {bool(errors)}")
    assert emit_all(cluster).files
