"""What listens on each port of a machine, by what the machine is."""

from hybridlab import Cluster
from hybridlab.model.listeners import Listeners
from patched import cluster

ALWAYS = {"22/tcp"}
ON_NODES = {*ALWAYS, "10250/tcp", "10256/tcp", "8472/udp", "31434/tcp"}
LOCAL_ON_NODES = {"10248/tcp", "10249/tcp", "9488/tcp"}


def ports(of: Cluster, machine: str, *, local: bool = False) -> set[str]:
    return {one.place for one in Listeners.of(of).on(of.machine(machine)) if one.local is local}


def test_a_machine_outside_of_kubernetes_has_sshd_alone() -> None:
    of = cluster(
        "guests: {web: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 1, memory: 1GiB}}"
    )
    assert (ports(of, "web"), ports(of, "web", local=True)) == (ALWAYS, set())


def test_a_worker_has_what_every_node_has() -> None:
    of = cluster("")
    for worker in ("homelab", "k8s-worker-1"):
        assert (ports(of, worker), ports(of, worker, local=True)) == (ON_NODES, LOCAL_ON_NODES)


def test_a_control_plane_has_more() -> None:
    of = cluster("")
    assert ports(of, "k8s-master") == {*ON_NODES, "6443/tcp", "8888/tcp"}
    assert ports(of, "k8s-master", local=True) == {
        *LOCAL_ON_NODES,
        *("2379/tcp", "2380/tcp", "10251/tcp", "10252/tcp"),
    }


def test_every_opening_has_somebody_who_listens() -> None:
    of = cluster("guests: {k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [services]}}}}")
    for name, firewall in of.firewalls.items():
        opened = {f"{o.port}/{o.protocol.value}" for o in (*firewall.openings, *firewall.node_ports)}
        assert opened <= ports(of, name)


def test_node_ports_of_all_kinds_are_on_every_node_with_their_place() -> None:
    own = """
    apiVersion: v1
    kind: Service
    metadata: {name: page, namespace: default}
    spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}, {port: 53, protocol: UDP, nodePort: 30053}]}
    """
    of = cluster("workloads: {own: {type: manifests, folder: own}}", manifest=own)
    node_ports = {(one.place, str(one.path)) for one in Listeners.of(of).node_ports}
    assert node_ports == {
        ("31434/tcp", "workloads.ollama.expose.nodePort"),
        ("30080/tcp", "workloads.own.folder.app.yaml.0.spec.ports.0.nodePort"),
        ("30053/udp", "workloads.own.folder.app.yaml.0.spec.ports.1.nodePort"),
    }
    assert {"30080/tcp", "30053/udp"} <= ports(of, "k8s-worker-1")


def test_the_user_s_own_come_last_each_with_its_place() -> None:
    of = cluster("hosts: {homelab: {services: {backup: {port: 873}}}}")
    *_, last = Listeners.of(of).on(of.machine("homelab"))
    assert (last.place, last.who, str(last.path)) == (
        "873/tcp",
        "service 'backup'",
        "hosts.homelab.services.backup.port",
    )
