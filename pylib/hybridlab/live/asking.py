"""Gets the answers to all that checks look at: each machine over one connection, everything side by side.

Whatever goes wrong is an answer, too. What an answer means is not known here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live.checks.check import (
    Check,
    Connect,
    Connected,
    CouldNotLook,
    Http,
    HttpAnswer,
    Ping,
    Refused,
    Remote,
    Source,
    SourceAddress,
)
from hybridlab.live.gather import gather
from hybridlab.live.http import send
from hybridlab.live.parallel import in_parallel
from hybridlab.live.ping import Answers, NotAsked, Silent, ping_all
from hybridlab.live.probe import Output
from hybridlab.live.sockets import connect, source_of
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.live.targets import address_of
from hybridlab.model.cluster import Cluster

_AT_ONCE = 64
_PING_SECONDS = 2
# For all that one machine is asked; each probe has a limit of its own besides.
_MACHINE_SECONDS = 180


@frozen
class Request:
    """One of the HTTP requests of a check, by its number among them.

    They are sent one after the other: the later ones may ask for what the first has brought about. So one
    answer serves several checks only if they send all the same.
    """

    among: tuple[Http, ...]
    number: int


Question = Remote | Ping | Request | Connect | Source
# CouldNotLook: there is no answer, and why. Unreachable: the whole machine gave none.
Answer = (
    Output | Answers | Silent | HttpAnswer | Connected | SourceAddress | Refused | Unreachable | CouldNotLook
)

_Job = Callable[[], Mapping[Question, Answer]]


def questions(check: Check) -> tuple[Question, ...]:
    """Return what has to be asked for a check, in the order of its looks."""
    requests = tuple(look for look in check.looks if isinstance(look, Http))
    numbers = iter(range(len(requests)))
    return tuple(Request(requests, next(numbers)) if isinstance(look, Http) else look for look in check.looks)


def ask(asked: Iterable[Question], cluster: Cluster, ssh: Ssh) -> Iterator[Mapping[Question, Answer]]:
    """Ask everything once, and yield answers as they come: of a machine, of pings, of HTTP."""
    asked = tuple(dict.fromkeys(asked))
    yield from in_parallel(_jobs(asked, cluster, ssh), at_once=_AT_ONCE)


def _jobs(asked: tuple[Question, ...], cluster: Cluster, ssh: Ssh) -> Iterator[_Job]:
    by_machine: dict[str, list[Remote]] = {}
    pings: list[Ping] = []
    chains: dict[tuple[Http, ...], None] = {}
    sockets: list[_Job] = []
    for question in asked:
        match question:
            case Remote(machine):
                by_machine.setdefault(machine, []).append(question)
            case Ping():
                pings.append(question)
            case Request(among):
                chains[among] = None
            case Connect():
                sockets.append(partial(_guarded, [question], partial(_connect, question)))
            case Source():
                sockets.append(partial(_guarded, [question], partial(_source, question)))
    for name, remotes in by_machine.items():
        yield partial(_guarded, remotes, partial(_ask_machine, name, remotes, cluster, ssh))
    if pings:
        yield partial(_guarded, pings, partial(_ping, pings))
    for chain in chains:
        requests = [Request(chain, number) for number in range(len(chain))]
        yield partial(_guarded, requests, partial(_send, requests))
    yield from sockets


def _guarded(asked: Iterable[Question], job: _Job) -> Mapping[Question, Answer]:
    """Run the job; if it raises, that is the answer to all."""
    try:
        return job()
    except LiveError as error:
        reason = str(error)
    except Exception as error:  # a machine may answer anything, and the others' answers still count
        reason = f"hybridlab can not read what came back: {type(error).__name__}: {error}"
    return dict.fromkeys(asked, CouldNotLook(reason))


def _ask_machine(
    name: str, remotes: Iterable[Remote], cluster: Cluster, ssh: Ssh
) -> Mapping[Question, Answer]:
    address = address_of(cluster, cluster.machine(name))
    # If the time does not suffice, it is the slow ones that stay unknown.
    probes = sorted((remote.probe for remote in remotes), key=lambda probe: probe.seconds)
    outputs = gather(ssh, address, probes, seconds=_MACHINE_SECONDS)
    if isinstance(outputs, Unreachable):
        return dict.fromkeys(remotes, outputs)
    return {remote: _read(remote, outputs.get(remote.probe)) for remote in remotes}


def _read(remote: Remote, output: Output | None) -> Answer:
    if output is None:
        return CouldNotLook(f"the connection to {remote.machine} ended before the answer came")
    why_not = output.why_not(remote.probe)
    return output if why_not is None else CouldNotLook(why_not)


def _ping(pings: list[Ping]) -> Mapping[Question, Answer]:
    results = ping_all([ping.address for ping in pings], count=1, timeout=_PING_SECONDS)
    return {
        ping: CouldNotLook(result.reason) if isinstance(result, NotAsked) else result
        for ping, result in zip(pings, results, strict=True)
    }


def _send(requests: Iterable[Request]) -> Mapping[Question, Answer]:
    return {request: send(request.among[request.number]) for request in requests}


def _connect(look: Connect) -> Mapping[Question, Answer]:
    return {look: connect(look)}


def _source(look: Source) -> Mapping[Question, Answer]:
    return {look: source_of(look)}
