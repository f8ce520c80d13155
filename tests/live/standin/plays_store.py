"""Plays nix-store: what is valid is what is there; what copies is the real one, on its own store."""

from live.standin.machine import Answer, Exec, Machine

_REAL = "/usr/bin/nix-store"


def nix_store(machine: Machine, words: list[str]) -> Answer | Exec:
    """Play nix-store(1)."""
    match words:
        case ["--check-validity", *rest]:
            paths = [word for word in rest if not word.startswith("-")]
            missing = [path for path in paths if not machine.path(path).exists()]
            if "--print-invalid" in rest:
                return Answer("".join(f"{path}\n" for path in missing))
            said = "".join(f"error: path '{path}' is not valid\n" for path in missing[:1])
            return Answer("", said, 1 if missing else 0)
        case ["--serve", *_]:
            return Exec((_REAL, *words))
    return Answer("", f"error: not played: nix-store {' '.join(words)}\n", 1)


PROGRAMS = {"nix-store": nix_store}
