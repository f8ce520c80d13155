"""Drift: a thing that is not as the layer above it says; who is asked, and how, is not known here."""

import enum
from collections.abc import Mapping

from attrs import frozen

from hybridlab.live.asking import Answer, Question
from hybridlab.live.checks.check import CouldNotLook, Remote
from hybridlab.live.probe import Output, Probe
from hybridlab.live.ssh import Unreachable


class Layer(enum.Enum):
    """Where a thing drifts from what is above it, from the spec down to the cluster."""

    FILES = "files"  # generated files from the spec
    GIT = "git"  # what a flake sees from the files
    BUILD = "build"  # installed systems from what the flake makes
    RUNNING = "running"  # what runs from what is installed
    CLUSTER = "cluster"  # nodes and objects from spec and manifests


class State(enum.Enum):
    """How it drifts. UNREACHABLE: nobody knows, for there was no way to look."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED = "changed"
    UNREACHABLE = "unreachable"


@frozen
class Drift:
    """A thing, `item`, that drifts: how, in a few words, and what to do about it (`advice`, a sentence)."""

    layer: Layer
    item: str
    state: State
    detail: str
    advice: str


class NotSeenError(Exception):
    """What has to be judged was not answered; the text says why."""


@frozen
class Answers:
    """What was asked, with the answers."""

    by_question: Mapping[Question, Answer]

    def unreachable(self, machine: str) -> Unreachable | None:
        """Return why the machine gave no answer at all, if that is so."""
        for question, answer in self.by_question.items():
            match question, answer:
                case Remote(asked), Unreachable() if asked == machine:
                    return answer
        return None

    def output(self, machine: str, probe: Probe) -> Output:
        """Return what a machine answered. Raises: NotSeenError."""
        match self.by_question.get(Remote(machine, probe)):
            case Output() as output:
                return output
            case CouldNotLook(reason):
                raise NotSeenError(reason)
            case Unreachable() as unreachable:
                raise NotSeenError(f"{machine} can not be reached: {unreachable}")
            case _:
                raise NotSeenError(f"{machine} did not answer")

    def text(self, machine: str, probe: Probe) -> str:
        """Return what it wrote, without blanks around it. Raises: NotSeenError."""
        return self.output(machine, probe).stdout.strip()
