"""Asks a machine many things over one connection, and takes the answers apart; it knows no meaning."""

import re
import secrets
import shlex
from collections.abc import Iterable, Mapping

from hybridlab.live.probe import Output, Probe
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.spec.scalars import Address

# Each answer is a line with its number and its size in bytes, that many bytes, and a newline; the last line
# of the bytes is the exit status. On standard error, a line with a mark that nobody guesses is before each.
# What a login prints before the mark counts for nothing.
_SCRIPT = """\
LC_ALL=C; export LC_ALL
printf '\\n%s\\n' "$mark"
ask() {
  number=$1 seconds=$2; shift 2
  printf '\\n%s %s\\n' "$mark" "$number" >&2
  answer=$(timeout -k 1 "$seconds" "$@" </dev/null; printf '\\n%s' "$?")
  printf '%s %s\\n%s\\n' "$number" "${#answer}" "$answer"
}
"""

_HEAD = re.compile(rb"([0-9]{1,9}) ([0-9]{1,18})\n")
_NUMBER = re.compile(r"[0-9]{1,9}")
_STATUS = re.compile(r"[0-9]{1,3}")


def gather(
    ssh: Ssh, address: Address, probes: Iterable[Probe], *, seconds: float = 90
) -> Mapping[Probe, Output] | Unreachable:
    """Run all probes on the machine at `address`, one after the other, and return what each wrote.

    `seconds` is for all of them together. If it does not suffice, or the connection breaks, those that were
    answered until then are returned, if any. Raises: LiveError if there is no ssh here.
    """
    asked = tuple(dict.fromkeys(probes))
    mark = secrets.token_hex(16)
    lines = [f"mark={mark}", _SCRIPT]
    lines += [f"ask {number} {probe.seconds} {shlex.join(probe.words)}" for number, probe in enumerate(asked)]
    run = ssh.run(address, ["sh", "-s"], seconds=seconds, given="\n".join((*lines, "")))
    errors = _errors(run.stderr, mark)
    answers = {
        asked[number]: Output(status, stdout, errors.get(number, ""))
        for number, status, stdout in _answers(run.stdout, mark)
        if number < len(asked)
    }
    return run if isinstance(run, Unreachable) and not answers else answers


def _answers(text: str, mark: str) -> Iterable[tuple[int, int, str]]:
    data = text.encode(errors="surrogateescape").partition(f"\n{mark}\n".encode())[2]
    while head := _HEAD.match(data):
        number, size = int(head[1]), int(head[2])
        rest = data[head.end() :]
        answer, data = rest[:size], rest[size + 1 :]
        if len(answer) < size:
            return  # the connection broke in the middle of it
        stdout, _, status = answer.decode(errors="replace").rpartition("\n")
        if not _STATUS.fullmatch(status):
            return  # what answers is not the script
        yield number, int(status), stdout


def _errors(text: str, mark: str) -> Mapping[int, str]:
    errors = {}
    for part in text.split(f"\n{mark} ")[1:]:
        number, whole, said = part.partition("\n")
        if whole and _NUMBER.fullmatch(number):
            errors[int(number)] = said
    return errors
