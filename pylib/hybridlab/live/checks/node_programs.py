"""Checks of what runs on a node: its units, its kubelet, and its way to the API server and to cfssl."""

from collections.abc import Callable, Iterator

from hybridlab.live.checks import answers, parts
from hybridlab.live.checks.answers import NotUnderstoodError, fetched, said, understanding
from hybridlab.live.checks.check import Check, Failed, Key, Look, Ok, Phase, Remote, Verdict
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster, Node

_HEALTH = "http://127.0.0.1:10248/healthz"  # kubelet.nix, healthz
_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts")
# As systemctl(1) has them for a unit that somebody starts or restarts, and for one that systemd starts again.
_ON_THE_WAY = ("activating", "deactivating")
_AFTER_A_FAILURE = ("auto-restart", "auto-restart-queued")
_WAIT = (
    "it is being started or stopped: look again with `hybridlab verify --wait 2m`; certmgr may restart what "
    "has certificates each 30 min (NixOS/nixpkgs#434442)"
)


def active(node: str, unit: str) -> Key:
    """Return what identifies the check that a unit runs."""
    return Key("unit.active", node, f"{unit}.service")


def api_ready(cluster: Cluster) -> Key:
    """Return what identifies the check that the API server answers: nothing is known of objects before."""
    return Key("api.ready", cluster.control_plane[0].name)


def api_reachable(node: str) -> Key:
    return Key("api.reachable", node)


def cfssl_reachable(node: str) -> Key:
    return Key("cfssl.reachable", node)


def kubelet_healthy(node: str) -> Key:
    return Key("kubelet.healthy", node)


def certificates_there(node: str) -> Key:
    return Key("certificates.there", node)


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of every node, without its certificates and its object."""
    yield _api_ready(cluster)
    for node in cluster.nodes:
        look = states(node)
        for unit, needed in parts.units(node.membership).items():
            yield Check(
                active(node.name, unit),
                Phase.CLUSTER,
                f"unit {unit}.service is active",
                (look,),
                _judge_unit(node.name, unit),
                tuple(_needs(cluster, node, unit, needed)),
            )
        yield _kubelet_healthy(node)
        yield from _reachable(cluster, node)


def states(node: Node) -> Remote:
    """Return the look at the states of all its units."""
    names = [f"{unit}.service" for unit in parts.units(node.membership)]
    return Remote(node.name, read("systemctl", "show", f"--property={','.join(_PROPERTIES)}", *names))


def _needs(cluster: Cluster, node: Node, unit: str, needed: tuple[str, ...]) -> Iterator[Key]:
    yield from (active(node.name, other) for other in needed)
    if unit not in parts.NEED_NO_CERTIFICATE:
        yield certificates_there(node.name)
    if unit == "flannel":  # it ends, and is started again, until the API server tells it the node's network
        yield Key("node.pod-network", node.name)
    elif unit == "kube-addon-manager":
        yield api_ready(cluster)


def _judge_unit(machine: str, unit: str) -> Callable[[Output], Verdict]:
    name = f"{unit}.service"

    @understanding
    def judge(output: Output) -> Verdict:
        blocks = [dict(_pairs(block)) for block in output.stdout.strip().split("\n\n")]
        found = next((block for block in blocks if block.get("Id") == name), None)
        if found is None:
            raise NotUnderstoodError(f"systemctl says nothing of {name}")
        state = found.get("ActiveState", "")
        if state in ("active", "reloading"):
            return Ok()
        if found.get("LoadState") == "not-found":
            return Failed(
                "active", "there is no such unit", f"deploy what was generated: `hybridlab deploy {machine}`"
            )
        sub = found.get("SubState", "")
        details = [sub]
        if (result := found.get("Result", "success")) != "success":
            details.append(result)
        if (restarts := found.get("NRestarts", "0")) not in ("", "0"):
            details.append(f"restarted {restarts} times")
        advice = f"{parts.logs(machine, unit)} says why"
        if state in _ON_THE_WAY and sub not in _AFTER_A_FAILURE and len(details) == 1:
            advice = f"{_WAIT}; if it stays so, {advice}"
        return Failed("active", f"{state} ({', '.join(filter(None, details))})", advice)

    return judge


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        key, _, value = line.partition("=")
        yield key, value


def _api_ready(cluster: Cluster) -> Check:
    control_plane = cluster.control_plane[0].name
    look = answers.kubectl(cluster, "get", "--raw=/readyz", fine=(0, 1))

    def judge(output: Output) -> Verdict:
        if output.status == 0 and output.stdout.strip() == "ok":
            return Ok()
        return Failed(
            "ok",
            said(output),
            f"{parts.logs(control_plane, 'kube-apiserver', 'etcd')}; if it was just started, look again with "
            f"`hybridlab verify --wait 2m`; if it speaks of certificates: "
            f"{parts.logs(control_plane, 'certmgr')}",
        )

    return Check(
        api_ready(cluster),
        Phase.CLUSTER,
        "the API server is ready",
        (look,),
        judge,
        (active(control_plane, "kube-apiserver"), certificates_there(control_plane)),
    )


def _kubelet_healthy(node: Node) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        answer = fetched(output)
        if answer.status == 200:
            return Ok()
        found = f"HTTP {answer.status}: {answer.body}" if answer.status else answer.why
        return Failed("ok", answers.shorten(found), parts.logs(node.name, "kubelet"))

    return Check(
        kubelet_healthy(node.name),
        Phase.CLUSTER,
        f"its kubelet says at {_HEALTH} that it is well",
        (answers.curl(node.name, _HEALTH),),
        judge,
        (active(node.name, "kubelet"),),
    )


def _reachable(cluster: Cluster, node: Node) -> Iterator[Check]:
    control_plane = cluster.control_plane[0].name
    api, cfssl = f"{cluster.api_url}/readyz", cluster.cfssl_url
    of_api: tuple[Look, ...] = (answers.curl(node.name, api),)
    yield Check(
        api_reachable(node.name),
        Phase.CLUSTER,
        f"the API server is reachable from it at {api}",
        of_api,
        _judge_reachable(node, control_plane),
        (api_ready(cluster),),
    )
    yield Check(
        cfssl_reachable(node.name),
        Phase.CLUSTER,
        f"cfssl, which issues its certificates, is reachable from it at {cfssl}",
        (answers.curl(node.name, cfssl),),
        _judge_reachable(node, control_plane),
        # Without certificates there is the question why, which is answered there.
        (active(control_plane, "cfssl"), certificates_there(node.name)),
    )


def _judge_reachable(node: Node, control_plane: str) -> Callable[[Output], Verdict]:
    @understanding
    def judge(output: Output) -> Verdict:
        answer = fetched(output)
        if answer.status:  # also that it lets nobody in without a certificate
            return Ok(f"HTTP {answer.status}")
        return Failed(
            "an answer",
            answer.why,
            f"on {node.name}: `getent hosts {control_plane}`, `ip route get` its address; the firewall of "
            f"{control_plane}: `hybridlab verify --phase network {control_plane}`",
        )

    return judge
