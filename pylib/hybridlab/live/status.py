"""Looks for drift of what is installed and runs, and of what is in the cluster; it changes nothing.

Each machine is asked over one connection, all of them side by side, and the control plane over one more for
the kubeconfig with which kubectl compares manifests. What stands in generated files is not known here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live.asking import Answer, Question, ask
from hybridlab.live.checks.check import Connect, Connected, CouldNotLook, Refused
from hybridlab.live.drift import Answers, Drift, Layer, State
from hybridlab.live.evaluation import system_of
from hybridlab.live.kubeconfig import api_server_of, temporary
from hybridlab.live.kubectl import Kubectl
from hybridlab.live.machine_drift import Wanted, looks, machine_drift
from hybridlab.live.manifest_drift import manifest_drift
from hybridlab.live.node_drift import cluster_drift, namespaces_look, nodes_look
from hybridlab.live.ssh import Ssh
from hybridlab.live.tracked import untracked
from hybridlab.model.cluster import Cluster


@frozen
class Folders:
    """Where the flake is, and in it the kustomization."""

    flake: Path
    manifests: Path


def git_drift(folder: Path, files: tuple[str, ...]) -> Iterator[Drift]:
    """Yield which of these files, relative to the flake's folder, a flake does not see."""
    try:
        for name in untracked(folder, files):
            detail = "git does not track it, and so the flake does not see it"
            yield Drift(Layer.GIT, name, State.MISSING, detail, f"`git add {name}`")
    except LiveError as error:
        yield Drift(Layer.GIT, str(folder), State.UNREACHABLE, str(error), "mend that, and look again")


def live_drift(
    cluster: Cluster, folders: Folders, ssh: Ssh, *, build: bool, say: Callable[[str], object]
) -> tuple[Drift, ...]:
    """Return how installed and running systems and the cluster drift, in the order of the layers.

    `build`: whether to ask Nix what the flake makes now. `say` hears of what takes long. What can not be
    looked at is UNREACHABLE. Raises: LiveError if there is no ssh here.
    """
    wanted = _wanted(cluster, folders.flake, say) if build else {}
    say(f"asking {len(cluster.machines)} machines")
    answers = Answers(_ask(cluster, ssh))
    found = list(machine_drift(cluster, answers, wanted))
    of_cluster = tuple(cluster_drift(cluster, answers))
    found += of_cluster
    if cluster.control_plane:
        complete = not any(one.item.startswith("namespace") for one in of_cluster)
        found += _manifests(cluster, folders.manifests, ssh, answers, namespaces_there=complete)
    # What a machine did not answer may be missed in several places.
    return tuple(dict.fromkeys(sorted(found, key=lambda one: [*Layer].index(one.layer))))


def _wanted(cluster: Cluster, folder: Path, say: Callable[[str], object]) -> Wanted:
    wanted: dict[str, str | CouldNotLook] = {}
    for host in cluster.hosts:
        say(f"asking Nix which system the flake makes of {host.name}")
        try:
            wanted[host.name] = system_of(folder, host.name)
        except LiveError as error:
            wanted[host.name] = CouldNotLook(str(error))
    return wanted


def _ask(cluster: Cluster, ssh: Ssh) -> dict[Question, Answer]:
    questions: list[Question] = [*looks(cluster)]
    if cluster.control_plane:
        questions += [nodes_look(cluster), namespaces_look(cluster)]
        if (server := api_server_of(cluster)) is not None:
            questions.append(Connect(server.leg.address, server.port))
    answers: dict[Question, Answer] = {}
    for some in ask(questions, cluster, ssh):
        answers.update(some)
    return answers


def _manifests(
    cluster: Cluster, folder: Path, ssh: Ssh, answers: Answers, *, namespaces_there: bool
) -> Iterator[Drift]:
    try:
        _check_reachable(cluster, answers)
        with temporary(cluster, ssh) as kubeconfig:
            kubectl = Kubectl(kubeconfig=kubeconfig)
            yield from manifest_drift(cluster, kubectl, folder, namespaces_there=namespaces_there)
    except (LiveError, OSError) as error:
        yield Drift(Layer.CLUSTER, "manifests", State.UNREACHABLE, str(error), "mend that, and look again")


def _check_reachable(cluster: Cluster, answers: Answers) -> None:
    """Raise LiveError if nothing answers for the API server: kubectl would try that for minutes."""
    server = api_server_of(cluster)
    if server is None:
        raise LiveError("no VLAN of admin.sshFrom may use the API server")
    match answers.by_question.get(Connect(server.leg.address, server.port)):
        case Connected():
            return
        case Refused(how) | CouldNotLook(how):
            raise LiveError(f"the API server at {server.leg.address} can not be reached from here: {how}")
    raise LiveError(f"the API server at {server.leg.address} could not be asked")
