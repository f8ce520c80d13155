"""Stand-in machines: what a machine of the cluster looks like from the other end of ssh, without the machine.

Behind a real sshd each machine has a root of its own (a chroot in mount, PID and UTS namespaces), in which
the real coreutils run on files that the test put there, and the programs that only NixOS has are *played*:

- `lab.py`: makes the machines of a `Cluster`, healthy (`furnish.py`); `played.py`: what tests do with each;
- `machine.py`: what a play is given and what it returns (standard library only);
- `plays_<group>.py`: the plays. Each has `PROGRAMS`, name of a program to a function, and may have `healthy`;
- `shim.py`: what runs when a played program is called; `real.sh`: the same for a real one that only reads;
- `session.sh`: what sshd runs for each command; `boot.sh` and `init.sh`: how a machine starts;
- `power.py`: keeps machines running; a reboot ends every process of a machine, as a real one does.

A play, and the health of what it plays::

    def df(machine: Machine, words: list[str]) -> Answer:
        return Answer(machine.state["df"])           # or Answer(stdout, stderr, status)

    PROGRAMS = {"df": df}

    def healthy(cluster, machine) -> Health:         # called in the test, may import hybridlab inside
        return Health({"df": "..."}, {"/etc/hostname": f"{machine.name}\\n"})

The fragments of all `healthy` are merged into the machine's state: dicts key by key, lists one after the
other. A play may become a real program (`Exec`), wait with `machine.pause(seconds)`, and end all with
`machine.reboot()`. Its standard input is `sys.stdin`.

Where things are, for a machine in the lab's folder: `<machine>/root/` is its file system (the real `cat`,
`ls`, `stat`, `readlink`, `sha256sum`, `openssl` read there), `state.json`, `model.json`, `faults`, `log`.
/proc and /sys are what is put below root/proc and root/sys. What is in root/run before the first boot is
there again after each other one; all else in /run is lost with a reboot. A program that nobody plays ends
with status 127, and the log says so.
"""
