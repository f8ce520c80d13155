"""Whether the filesystems of a machine have room, in bytes and inodes; what fills them is not looked at."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from attrs import field, frozen

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.reading import bytes_text
from hybridlab.live.probe import Output, read
from hybridlab.model.node import Guest, Machine

_MIB, _GIB = 1024**2, 1024**3
# Below that the kubelet deletes images, and evicts pods (its defaults of imagefs.available, and of
# nodefs.inodesFree for all).
_IMAGES_SHARE = 0.15
_INODES_SHARE = 0.05
# A journal and the state of services, which grow by days.
_STATE = 1 * _GIB
# What a deploy adds: a system, with the tools of ROCm; a kernel, and an initrd with the firmware of amdgpu.
_SYSTEM, _KERNEL = 5 * _GIB, 150 * _MIB
_COLUMNS = "size,avail,itotal,iavail,file,target"


@frozen
class _Need:
    """What has to be free below a path: so many bytes, and that share of the whole filesystem."""

    size: int = 0
    share: float = 0


@frozen
class _Filesystem:
    """Sizes in bytes; without a fixed number of inodes (vfat, btrfs) it has 0. `paths`: what lies on it."""

    target: str
    size: int
    free: int
    inodes: int
    free_inodes: int
    paths: tuple[str, ...] = field(eq=False)


def disk_check(machine: Machine) -> Check:
    """Return the check that a machine's filesystems have room for what comes next."""
    needs = _needs(machine)
    probe = read("df", "-B1", f"--output={_COLUMNS}", "--", *needs, fine=(0, 1))
    return Check(
        Key("disk", machine.name),
        Phase.MACHINES,
        f"{' '.join(needs)} have room",
        (Remote(machine.name, probe),),
        partial(_judge, machine, needs),
    )


def _needs(machine: Machine) -> Mapping[str, _Need]:
    """Return what has to be free, by path; several may lie on one filesystem."""
    images = _IMAGES_SHARE if machine.membership is not None else 0
    if isinstance(machine, Guest):
        # The root is a tmpfs, and the store the host's, or an image that is full from the start.
        return {"/": _Need(share=0.1), "/var/lib": _Need(share=images or 0.1)}
    return {
        "/": _Need(_STATE),
        "/boot": _Need(_KERNEL),
        "/nix/store": _Need(_SYSTEM),
        "/var/lib": _Need(_STATE, images),
    }


def _judge(machine: Machine, needs: Mapping[str, _Need], output: Output) -> Verdict:
    found = _filesystems(output.stdout)
    seen = {path for one in found for path in one.paths}
    # The boot loader's filesystem may be mounted elsewhere, as at /efi.
    missing = [path for path in needs if path not in seen and path != "/boot"]
    if missing:
        return CouldNotLook(f"df shows nothing of {', '.join(missing)}")
    short = [problem for one in found for problem in _problems(one, needs)]
    if not short:
        least = min(found, key=lambda one: one.free)
        return Ok(f"{bytes_text(least.free)} free at {least.target}, and nowhere less")
    expected = "; ".join(wanted for wanted, _ in short)
    return Failed(expected, "; ".join(said for _, said in short), _advice(machine, found, needs))


def _problems(one: _Filesystem, needs: Mapping[str, _Need]) -> Iterator[tuple[str, str]]:
    """Yield what should be free, and what is."""
    least = _least(one, needs)
    if one.free < least:
        said = f"{bytes_text(one.free)} of {bytes_text(one.size)} free"
        yield f"{bytes_text(least)} free at {one.target}", said
    if one.free_inodes < one.inodes * _INODES_SHARE:
        said = f"{one.free_inodes} of {one.inodes} inodes free"
        yield f"{_INODES_SHARE:.0%} of the inodes free at {one.target}", said


def _least(one: _Filesystem, needs: Mapping[str, _Need]) -> int:
    """Return how many bytes have to be free, for all that lies on the filesystem."""
    of_paths = [needs[path] for path in one.paths if path in needs]
    return int(max([0, *(max(need.size, need.share * one.size) for need in of_paths)]))


def _advice(machine: Machine, found: Sequence[_Filesystem], needs: Mapping[str, _Need]) -> str:
    full = {path for one in found if any(_problems(one, needs)) for path in one.paths}
    said = []
    if full & {"/nix/store", "/boot"}:
        said.append("`nix-collect-garbage --delete-older-than 14d`")
        said.append("then `/run/current-system/bin/switch-to-configuration boot`")
    if machine.membership is not None and "/var/lib" in full:
        said.append("`crictl rmi --prune`")
    if full & {"/", "/var/lib"}:
        said.append("`journalctl --vacuum-size=200M`, `du -xh --max-depth=2 / /var/lib | sort -h`")
    hint = ""
    if isinstance(machine, Guest):
        hint = f"; guests.{machine.name}.storage is the size of its volume when that is made"
    return f"on {machine.name}: {', '.join(said)}{hint}"


def _filesystems(text: str) -> tuple[_Filesystem, ...]:
    """Return what df printed, each filesystem once with all paths that were asked for."""
    found: dict[str, _Filesystem] = {}
    for line in text.splitlines()[1:]:
        match line.split(None, 5):
            case [size, free, inodes, free_inodes, path, target] if size.isdecimal() and free.isdecimal():
                before = found[target].paths if target in found else ()
                numbers = (int(size), int(free), _number(inodes), _number(free_inodes))
                found[target] = _Filesystem(target, *numbers, (*before, path))
    return tuple(found.values())


def _number(word: str) -> int:
    return int(word) if word.isdecimal() else 0
