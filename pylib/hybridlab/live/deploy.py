"""Switch hosts to their new systems, one after the other, so that each ends on the old or on the new one.

Everything is built and in place before this begins. A guest has no deployment of its own: its configuration
is part of its host's system, which (re)starts it. What stands in the flake is not known here.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import define, field, frozen

from hybridlab.errors import LiveError
from hybridlab.live.activation import Activation, Ending, Kept, Limits, TakenBack, Unknown
from hybridlab.live.drain import Nodes
from hybridlab.live.gate import gate_checks, wait_until_well, well
from hybridlab.live.prepare import Prepared
from hybridlab.live.ssh import Ssh
from hybridlab.live.switching import disturbed_nodes
from hybridlab.live.targets import address_of
from hybridlab.live.verify import verify
from hybridlab.model.cluster import Cluster


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
class Unsettled:
    """Nobody knows which of the two it runs; within `seconds` it settles that by itself (0: it can not)."""

    reason: str
    seconds: int


Standing = NotTried | AsItWas | New | Old | Unsettled


@frozen
class Options:
    """`health`: seconds for a host to become as well as it was; `drain`: take pods off disturbed nodes."""

    health: int = 600
    reach: int = 120
    drain: bool = True

    @property
    def limits(self) -> Limits:
        # Whoever deploys looks at its health meanwhile; if they are gone, the host need not wait for long.
        return Limits(self.reach, self.health + 120)


@define
class Deployment:
    """The switching of hosts in their order; `standings` says where each is, at any time.

    `say` hears what is being done.
    """

    jobs: tuple[Prepared, ...]
    cluster: Cluster
    ssh: Ssh
    options: Options
    say: Callable[[str], object]
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
        for job in self.jobs:
            if job.is_there:
                continue
            self._switch(job)
            if not isinstance(self.standings[job.target.name], New):
                return
        self._uncordon_left_over()

    def take_back(self) -> None:
        """Bring those that were switched back to the systems that they ran before, the last one first."""
        for job in reversed(self.switched):
            seen = job.seen
            # As a generation, where the host started with the system that it ran.
            number = seen.generation if seen.current == seen.profile else None
            self.go_back(job, seen.current, number, "taken back, because another host failed")

    def go_back(self, job: Prepared, system: str, generation: int | None, why: str) -> None:
        """Make a host run an earlier `system`, which is this `generation` of its profile if that is known.

        Nothing is asked of it but that it can be reached. Raises: LiveError, KeyboardInterrupt.
        """
        name = job.target.name
        self.say(f"{name}: going back to an earlier system")
        match self._activate(job, system, lambda: True, generation):
            case Kept():
                self.say(f"{name}: runs the earlier system")
                self.standings[name] = Old(why)
            case TakenBack(reason):
                self.say(f"{name}: did not go back: {reason}")
            case Unknown(reason, seconds):
                self.standings[name] = Unsettled(reason, seconds)

    def _switch(self, job: Prepared) -> None:
        name = job.target.name
        checks = gate_checks(self.cluster, job.target.host)
        self.say(f"{name}: looking at how it is")
        before = well(verify(checks, self.cluster, self.ssh))

        def is_well() -> bool:
            self.say(f"{name}: reached; waiting until it is as well as before")
            worse = wait_until_well(checks, before, self.cluster, self.ssh, seconds=self.options.health)
            for result in worse:
                self.say(f"{name}: worse than before: {result.check.title}")
            return not worse

        with self._drained(job):
            self.say(f"{name}: switching")
            self.standings[name] = Unsettled("it was not finished", self.options.limits.keep)
            try:
                ending = self._activate(job, job.system, is_well)
            except LiveError as error:
                self.standings[name] = Old(str(error))
                raise
        self._settle(job, ending)

    def _activate(
        self, job: Prepared, system: str, is_well: Callable[[], bool], generation: int | None = None
    ) -> Ending:
        """Make the host run `system`, and keep it if it is well; when interrupted, take it back."""
        limits = self.options.limits
        activation = Activation(self.ssh, job.target.addresses, system, limits, generation)
        try:
            activation.begin()
            ended = activation.confirm_reached()
            if ended is None:
                ended = activation.keep() if is_well() else activation.take_back()
        except KeyboardInterrupt:
            self.say(f"{job.target.name}: interrupted; going back, please wait (it does so without us, too)")
            self._settle(job, activation.take_back())
            raise
        return ended

    def _settle(self, job: Prepared, ending: Ending) -> None:
        name = job.target.name
        match ending:
            case Kept():
                self.say(f"{name}: runs the new system")
                self.standings[name] = New(job.restart_for)
            case TakenBack(reason):
                self.say(f"{name}: went back to the old system: {reason}")
                self.standings[name] = Old(reason)
            case Unknown(reason, seconds):
                self.standings[name] = Unsettled(reason, seconds)

    @contextmanager
    def _drained(self, job: Prepared) -> Iterator[None]:
        """Keep pods off the nodes that the switch disturbs, as long as it lasts.

        Where no other node is left to take them, they just end with their node.
        """
        disturbed = disturbed_nodes(job.changes, job.target.host)
        nodes = self._nodes()
        states = nodes.states() if nodes is not None and disturbed and self.options.drain else None
        if nodes is None or states is None:
            yield
            return
        ready = {name for name, state in states.items() if state.ready and not state.cordoned}
        mine = [name for name in disturbed if name in ready]
        if not ready - {*disturbed}:
            if mine:
                self.say(f"{job.target.name}: pods end with {_listed(mine)}: no other node can take them")
            yield
            return
        for name in mine:
            self.say(f"{job.target.name}: taking the pods off node {name}")
        nodes.drain(mine)
        try:
            yield
        finally:
            self._uncordon(nodes, mine)

    def _uncordon_left_over(self) -> None:
        """Uncordon the nodes that a run which died has left cordoned."""
        nodes = self._nodes()
        states = (nodes.states() if nodes is not None else None) or {}
        if nodes is not None:
            self._uncordon(nodes, [name for name, state in states.items() if state.ours])

    def _uncordon(self, nodes: Nodes, names: Iterable[str]) -> None:
        for name in names:
            try:
                nodes.uncordon(name)
            except LiveError as error:
                self.say(
                    f"node {name} is still cordoned ({error}): `kubectl uncordon {name}`, or deploy again"
                )

    def _nodes(self) -> Nodes | None:
        for node in self.cluster.control_plane:
            return Nodes(self.ssh, address_of(self.cluster, node.machine))
        return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
