"""Switch hosts to their new systems, one after the other, so that each ends on the old or on the new one.

Everything is built and in place before this begins. A guest has no deployment of its own: its configuration
is part of its host's system, which (re)starts it. What stands in the flake is not known here.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from attrs import define, evolve, field, frozen

from hybridlab.errors import LiveError
from hybridlab.live.activation import Activation, Ending, Kept, Limits, TakenBack, Unknown
from hybridlab.live.drain import Nodes
from hybridlab.live.gate import gate_checks, unreached, wait_until_well, well
from hybridlab.live.lock import Lock
from hybridlab.live.prepare import Prepared
from hybridlab.live.securing import secure
from hybridlab.live.ssh import Ssh
from hybridlab.live.switching import disturbed_nodes
from hybridlab.live.targets import address_of
from hybridlab.live.verify import verify
from hybridlab.model.cluster import Cluster

_UNCORDON_SECONDS = 120
_PAUSE_SECONDS = 3


@frozen
class NotTried:
    """Nothing was done to the host: it runs what it ran."""


@frozen
class AsItWas:
    """The host ran the new system before, and does so now."""


@frozen
class New:
    """The host runs the new system; `restart_for` takes effect with a restart only."""

    restart_for: tuple[str, ...]


@frozen
class Old:
    """The host runs the system that it ran before."""

    reason: str


@frozen
class Earlier:
    """The host was rolled back to an earlier system; `which` names it."""

    which: str


@frozen
class Stayed:
    """The host runs what it ran before it was to go back."""

    reason: str


@frozen
class Unsettled:
    """Nobody knows which of the two it runs; within `seconds` it settles that by itself (0: it can not)."""

    reason: str
    seconds: int


Standing = NotTried | AsItWas | New | Old | Earlier | Stayed | Unsettled


@frozen
class Options:
    """Seconds: `health` for a host to become as well as it was, `steady` for which it has to stay so, `reach`
    for a new connection. `drain`: take pods off disturbed nodes.
    """

    health: int = 600
    steady: int = 30
    reach: int = 120
    drain: bool = True

    @property
    def limits(self) -> Limits:
        # The last look takes a while, and so does telling.
        slack = max(30, self.health // 5)
        return Limits(self.reach, self.health + self.steady + slack)


@define
class Deployment:
    """The switching of hosts in their order; `standings` says where each is, at any time.

    `say` hears what is being done. `locks` are held, or nothing begins.
    """

    jobs: tuple[Prepared, ...]
    cluster: Cluster
    ssh: Ssh
    options: Options
    say: Callable[[str], object]
    locks: tuple[Lock, ...] = ()
    standings: dict[str, Standing] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.standings = {job.target.name: AsItWas() if job.is_there else NotTried() for job in self.jobs}

    @property
    def succeeded(self) -> bool:
        return all(isinstance(standing, AsItWas | New) for standing in self.standings.values())

    @property
    def switched(self) -> tuple[Prepared, ...]:
        """The hosts that were switched, in their order."""
        return tuple(job for job in self.jobs if isinstance(self.standings[job.target.name], New))

    def run(self) -> None:
        """Switch each host that does not run its new system yet; end after the first that does not keep it.

        When interrupted, the host that is being switched is taken back first. Raises: LiveError if something
        can not even begin; KeyboardInterrupt.
        """
        to_do = [job for job in self.jobs if not job.is_there]
        for job in to_do:
            self._secure(job)
        for job in to_do:
            self._switch(job)
            if not isinstance(self.standings[job.target.name], New):
                return
        self._uncordon_left_over()

    def take_back(self) -> None:
        """Bring those that were switched back to the systems that they ran before, the last one first."""
        for job in reversed(self.switched):
            name, seen = job.target.name, job.seen
            # As a generation, where the host started with the system that it ran.
            number = seen.generation if seen.current == seen.profile else None
            then = Old("taken back, because another host failed")
            try:
                self.go_back(_after(job), seen.current, number, then)
            except LiveError as error:  # the others can go back all the same
                self.say(f"{name}: not taken back: {error}")
                if isinstance(self.standings[name], New):
                    self.standings[name] = Unsettled(f"not taken back: {error}", 0)

    def go_back(self, job: Prepared, system: str, generation: int | None, then: Standing) -> None:
        """Make a host run an earlier `system`, which is this `generation` of its profile if that is known.

        `then` is where it stands when it has gone back. Nothing is asked of it but that it can be reached.
        Raises: LiveError, KeyboardInterrupt.
        """
        self.say(f"{job.target.name}: going back to an earlier system")
        self._activate(job, system, _ends(then, Stayed), generation=generation)

    def _switch(self, job: Prepared) -> None:
        name = job.target.name
        checks = gate_checks(self.cluster, job.target.host)
        self.say(f"{name}: looking at how it is")
        results = verify(checks, self.cluster, self.ssh)
        before = well(results)
        for machine, why in unreached(results):
            self.say(f"{machine} can not be logged in to ({why}), so that it is well later is not asked")

        def is_well() -> bool:
            self.say(f"{name}: reached; waiting until it is as well as before")
            # What was not well before is not its fault, and may be what it is to mend.
            asked = [check for check in checks if check.key in before]
            health, steady = self.options.health, self.options.steady
            worse = wait_until_well(asked, self.cluster, self.ssh, seconds=health, steady=steady)
            for result in worse:
                self.say(f"{name}: worse than before: {result.check.title}")
            return not worse

        with self._drained(job):
            self.say(f"{name}: switching")
            self._activate(job, job.system, _ends(New(job.restart_for), Old), is_well)

    def _activate(
        self,
        job: Prepared,
        system: str,
        standing_after: Callable[[Ending], Standing],
        is_well: Callable[[], bool] = lambda: True,
        generation: int | None = None,
    ) -> None:
        """Make the host run `system`, and keep it if it is well; whatever comes in between, take it back.

        `standings` has then what `standing_after` makes of how it ended.
        """
        self._secure(job)
        name, limits = job.target.name, self.options.limits
        activation = Activation(self.ssh, job.target.addresses, system, limits, generation)
        self.standings[name] = Unsettled("it was not finished", limits.reach + limits.keep)
        try:
            refusal = _failing(activation.begin)
            ending = activation.confirm_reached() if refusal is None else TakenBack(refusal)
            if ending is None:
                ending = activation.keep() if is_well() else activation.take_back()
        except BaseException as error:
            # Ctrl-C, or that nobody reads any more what is said.
            with suppress(OSError):
                self.say(
                    f"{name}: {_interruption(error)}; going back, please wait (it does so without us, too)"
                )
            self.standings[name] = standing_after(activation.take_back())
            raise
        self.standings[name] = standing_after(ending)
        self.say(f"{name}: {_told(ending)}")

    def _secure(self, job: Prepared) -> None:
        """See to it that the host is locked, and is as its job has it. Raises: LiveError if it is not."""
        for lock in self.locks:
            # Another host's may be out of reach: that is no reason not to take this one back.
            if lock.name == job.target.name:
                secure(lock, job.seen, self.ssh, self.say)

    @contextmanager
    def _drained(self, job: Prepared) -> Iterator[None]:
        """Keep pods off the nodes that the switch disturbs, as long as it lasts.

        Where no other node is left to take them, they just end with their node.
        """
        disturbed = disturbed_nodes(job.changes, job.target.host)
        nodes = self._nodes()
        if nodes is None or not disturbed or not self.options.drain:
            yield
            return
        states = nodes.states()
        if states is None:
            self.say(f"{job.target.name}: nobody answers for the cluster, so no pods are taken off any node")
            yield
            return
        ready = {name for name, state in states.items() if state.ready and not state.cordoned}
        mine = [name for name in disturbed if name in ready]
        if not ready - {*disturbed}:
            if mine:
                self.say(f"{job.target.name}: pods end with {', '.join(mine)}: no other node can take them")
            yield
            return
        begun: list[str] = []
        try:
            for name in mine:
                self.say(f"{job.target.name}: taking the pods off node {name}")
                begun.append(name)
                nodes.drain(name)
            yield
        finally:
            self._uncordon(nodes, begun)

    def _uncordon_left_over(self) -> None:
        """Uncordon the nodes that a run which died has left cordoned."""
        nodes = self._nodes()
        states = (nodes.states() if nodes is not None else None) or {}
        if nodes is not None:
            self._uncordon(nodes, [name for name, state in states.items() if state.ours])

    def _uncordon(self, nodes: Nodes, names: Iterable[str]) -> None:
        """Let pods back onto these nodes; the API server may be away for a while after a switch."""
        end = time.monotonic() + _UNCORDON_SECONDS
        for name in names:
            while (why := _failing(partial(nodes.uncordon, name))) is not None:
                if time.monotonic() > end:
                    self.say(
                        f"node {name} is still cordoned ({why}): `kubectl uncordon {name}`, or deploy again"
                    )
                    break
                time.sleep(_PAUSE_SECONDS)

    def _nodes(self) -> Nodes | None:
        for node in self.cluster.control_plane:
            return Nodes(self.ssh, address_of(self.cluster, node.machine))
        return None


def _after(job: Prepared) -> Prepared:
    """Return the job once the host was switched: it is where it went to, and goes back to where it was."""
    target = evolve(job.target, address=job.target.afterwards, afterwards=job.target.address)
    return evolve(job, seen=evolve(job.seen, target=target, current=job.system, profile=job.system))


def _failing(job: Callable[[], object]) -> str | None:
    """Do it, and return why it failed, if it did."""
    try:
        job()
    except LiveError as error:
        return str(error)
    return None


def _ends(kept: Standing, back: Callable[[str], Standing]) -> Callable[[Ending], Standing]:
    """Return what says where a host stands after an ending: `kept`, or `back` with the reason."""

    def standing(ending: Ending) -> Standing:
        match ending:
            case Kept():
                return kept
            case TakenBack(reason):
                return back(reason)
            case Unknown(reason, seconds):
                return Unsettled(reason, seconds)

    return standing


def _told(ending: Ending) -> str:
    match ending:
        case Kept():
            return "switched"
        case TakenBack(reason):
            return f"went back: {reason}"
        case Unknown(reason):
            return f"nobody knows what it runs: {reason}"


def _interruption(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"stopped ({type(error).__name__})"
