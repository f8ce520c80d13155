"""`docs/checklist.md`: the checks of a cluster as a page to tick off, in Markdown; it asks no machine."""

import re
from collections.abc import Iterable, Iterator

from hybridlab.live.checks.check import Check, Phase

_HEAD = """\
<!-- Made by `hybridlab verify --list --format markdown`: do not edit. -->

# Checklist of the cluster {name}

What has to be so when the cluster runs. Every item is a check that `hybridlab verify` carries out: it asks
the machines, and changes nothing. Behind each item stands its check: the code, the machine that it is about,
and what of it.
"""

# An underscore within a word means nothing.
_MEANS_SOMETHING = re.compile(r"[\\`*\[\]<>&#|~]|(?<![^\W_])_|_(?![^\W_])")

_HEADINGS = {Phase.GPU: "GPU"}
_INTRODUCTIONS = {
    Phase.MACHINES: "Every machine runs, and runs what was built for it.",
    Phase.NETWORK: (
        "Every machine is where it should be on the network, and answers to whom it should, and only to them."
    ),
    Phase.SECRETS: (
        "Secrets are where they are needed, and readable for those who need them; their contents stay unread."
    ),
    Phase.GPU: "The GPU is driven by whom the spec says.",
    Phase.CLUSTER: "Every node has joined Kubernetes as the spec says.",
    Phase.WORKLOADS: "What runs on the cluster runs where it should, and answers.",
}


def checklist_page(name: str, checks: Iterable[Check]) -> str:
    """Return the page for the cluster `name`: a section for each phase that has checks."""
    return "\n".join(_lines(name, tuple(checks))).rstrip("\n") + "\n"


def _lines(name: str, checks: tuple[Check, ...]) -> Iterator[str]:
    yield _HEAD.format(name=_escaped(name))
    for phase in Phase:
        members = [check for check in checks if check.phase is phase]
        if members:
            yield f"## {_HEADINGS.get(phase, phase.value.capitalize())}\n"
            yield f"{_INTRODUCTIONS[phase]} All of it: `hybridlab verify --phase {phase.value}`.\n"
            yield from _sections(members)


def _sections(members: list[Check]) -> Iterator[str]:
    """Yield the items of a phase, by machine; what is about none comes first."""
    machines = dict.fromkeys(check.key.machine for check in members)
    for machine in sorted(machines, key=lambda name: (name is not None, name or "")):
        if machine is not None:
            yield f"### {_escaped(machine)}\n"
        for check in members:
            if check.key.machine == machine:
                yield f"- [ ] {_escaped(check.title)} (`{str(check.key).replace('`', ' ')}`)"
        yield ""


def _escaped(text: str) -> str:
    """Return `text` as one line in which nothing means anything to Markdown."""
    return _MEANS_SOMETHING.sub(r"\\\g<0>", " ".join(text.split()))
