"""Plays ping: every address answers but those that the state has in its list `silent`. Format: iputils."""

from live.standin.machine import Answer, Machine


def ping(machine: Machine, words: list[str]) -> Answer:
    """Play ping(8) with `-q`."""
    address = words[-1]
    silent = address in machine.state.get("silent", [])
    return Answer(
        f"PING {address} ({address}) 56(84) bytes of data.\n\n--- {address} ping statistics ---\n"
        f"2 packets transmitted, {0 if silent else 2} received, {100 if silent else 0}% packet loss\n",
        "",
        1 if silent else 0,
    )


PROGRAMS = {"ping": ping}
