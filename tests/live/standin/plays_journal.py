"""Plays the journal: what the units of a machine said, as tests wrote it (`say`) and transient units did."""

import json
import time
from collections.abc import Mapping

from live.standin.machine import Answer, Machine
from live.standin.words import full_name, parse


def journalctl(machine: Machine, words: list[str]) -> Answer:
    """Play journalctl(1): of `-u UNIT`, the last `-n`, as `-o cat`, `json` or plain lines."""
    valued = ("-u", "--unit", "-n", "--lines", "-o", "--output", "--since", "-S", "-g", "--grep", "-p")
    options, _ = parse(words, valued=valued)
    unit = options.get("--unit", options.get("-u"))
    file = machine.folder / "journal"
    entries = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    entries = [one for one in entries if unit is None or one["_SYSTEMD_UNIT"] == full_name(unit)]
    if (lines := options.get("--lines", options.get("-n"))) is not None and lines.isdecimal():
        entries = entries[max(0, len(entries) - int(lines)) :]
    match options.get("--output", options.get("-o")):
        case "json":
            return Answer("".join(json.dumps(entry) + "\n" for entry in entries))
        case "cat":
            return Answer("".join(f"{entry['MESSAGE']}\n" for entry in entries))
    if not entries:
        return Answer("-- No entries --\n")
    return Answer("".join(f"{_short(machine, entry)}\n" for entry in entries))


PROGRAMS = {"journalctl": journalctl}


def say(machine: Machine, unit: str, *messages: str, priority: int = 6) -> None:
    """Write messages of a unit into the journal."""
    with (machine.folder / "journal").open("a") as journal:
        for message in messages:
            entry = {
                "__REALTIME_TIMESTAMP": str(int(time.time() * 1_000_000)),
                "PRIORITY": str(priority),
                "_SYSTEMD_UNIT": unit,
                "SYSLOG_IDENTIFIER": unit.removesuffix(".service"),
                "_PID": "4711",
                "MESSAGE": message,
            }
            journal.write(json.dumps(entry) + "\n")


def _short(machine: Machine, entry: Mapping[str, str]) -> str:
    when = time.strftime("%b %d %H:%M:%S", time.gmtime(int(entry["__REALTIME_TIMESTAMP"]) / 1_000_000))
    host = machine.read("/etc/hostname").strip()
    return f"{when} {host} {entry['SYSLOG_IDENTIFIER']}[{entry['_PID']}]: {entry['MESSAGE']}"
