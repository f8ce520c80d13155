"""Takes the pods off nodes that are about to be disturbed, and lets them back, by the control plane."""

import re
from collections.abc import Mapping

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live.checks.answers import NotUnderstoodError, Object, at, listed, name_of, text
from hybridlab.live.paths import ADMIN_KUBECONFIG
from hybridlab.live.probe import Output
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.model.plain import items, mapping
from hybridlab.spec.scalars import Address

# On a node that we have cordoned: whoever comes after a run that died knows that it may be uncordoned.
MARK = "hybridlab/cordoned-by-deploy"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  # as the API server wants them
_ASK_SECONDS = 30
_DRAIN_SECONDS = 180


@frozen
class NodeState:
    """A node as the API server has it; `ours`: it was cordoned by us."""

    ready: bool
    cordoned: bool
    ours: bool


@frozen
class Nodes:
    """The nodes of the cluster, asked on the control plane at `address`."""

    ssh: Ssh
    address: Address

    def states(self) -> Mapping[str, NodeState] | None:
        """Return every node by name; None if there is no cluster yet, or nobody answers for it."""
        run = self._kubectl("get", "nodes", "--output=json", seconds=_ASK_SECONDS)
        if isinstance(run, Unreachable) or run.status:
            return None
        try:
            nodes = listed(run)
        except NotUnderstoodError:
            return None
        # What has no name of a node is none, and would be an option to kubectl.
        return {name: _state(node) for node in nodes if _NAME.fullmatch(name := name_of(node))}

    def drain(self, name: str) -> None:
        """Mark a node as cordoned by us, and take all pods off it. Raises: LiveError."""
        self._must("annotate", "--overwrite", "node", name, f"{MARK}=true")
        run = self._kubectl(
            "drain",
            name,
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            f"--timeout={_DRAIN_SECONDS}s",
            seconds=_DRAIN_SECONDS + _ASK_SECONDS,
        )
        if isinstance(run, Unreachable) or run.status:
            raise LiveError(
                f"the pods on node {name} can not be taken off it: {_why(run)}; --no-drain leaves them there"
            )

    def uncordon(self, name: str) -> None:
        """Let pods back onto a node that we have cordoned, or were about to. Raises: LiveError."""
        self._must("uncordon", name)
        self._must("annotate", "node", name, f"{MARK}-")

    def _must(self, *words: str) -> None:
        run = self._kubectl(*words, seconds=_ASK_SECONDS)
        if isinstance(run, Unreachable) or run.status:
            raise LiveError(f"kubectl {words[0]} can not be done on the control plane: {_why(run)}")

    def _kubectl(self, *words: str, seconds: float) -> Output | Unreachable:
        command = ["kubectl", f"--kubeconfig={ADMIN_KUBECONFIG}", "--request-timeout=20s", *words]
        return self.ssh.run(self.address, command, seconds=seconds)


def _state(node: Object) -> NodeState:
    conditions = items(at(node, "status", "conditions"))
    return NodeState(
        ready=any((text(one, "type"), text(one, "status")) == ("Ready", "True") for one in conditions),
        cordoned=at(node, "spec", "unschedulable") is True,
        ours=MARK in mapping(at(node, "metadata", "annotations")),
    )


def _why(run: Output | Unreachable) -> str:
    if isinstance(run, Unreachable):
        return str(run)
    return run.complaint("kubectl") or f"status {run.status}"
