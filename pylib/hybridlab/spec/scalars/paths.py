"""Paths: of a machine, of a repository, and inside a sops file."""

import re

from hybridlab.spec.scalars.text import Text


class HostPath(Text):
    """An absolute, normal path of a folder or file on a machine.

    Only characters that neither systemd (`%`, blanks) nor a shell reads as anything else.
    """

    __slots__ = ()
    expected = "an absolute path (letters, digits and . _ - + @ : between slashes, no '..')"
    pattern = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._+@:-]+)+")
    max_length = 1024

    @classmethod
    def suggest(cls, text: str) -> str | None:
        return None if text.startswith("/") else "write it from the root, like /var/lib/…"

    @classmethod
    def instead(cls, text: str) -> str | None:
        plain = "/" + "/".join(part for part in text.split("/") if part not in ("", "."))
        return plain if text.startswith("/") and cls.pattern and cls.pattern.fullmatch(plain) else None


class RepositoryPath(Text):
    """A file's path relative to the folder of the spec, inside it."""

    __slots__ = ()
    expected = "a relative path inside the repository (letters, digits and . _ - between slashes, no '..')"
    pattern = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*")
    max_length = 255

    @classmethod
    def suggest(cls, text: str) -> str | None:
        return "write it from the folder of the spec on" if text.startswith(("/", "~", "..")) else None

    @classmethod
    def instead(cls, text: str) -> str | None:
        plain = "/".join(part for part in text.split("/") if part not in ("", "."))
        return plain if text[:1] != "/" and cls.pattern and cls.pattern.fullmatch(plain) else None


class SecretKey(Text):
    """A key inside a sops file, nested keys joined with '/', as sops-nix names them.

    Not `sops`, which is sops' own, and nothing that ends with `_unencrypted`: sops leaves that as it is. It
    becomes a key in a Secret, which has at most 253 characters and does not begin with two dots.
    """

    __slots__ = ()
    expected = "a secret's key (letters, digits, '.', '_' and '-', nested with '/'; not …_unencrypted)"
    pattern = re.compile(
        r"(?!\.\.)(?!sops(?:/|$))(?!(?:.*/)?[^/]*_unencrypted(?:/|$))"
        r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*"
    )
    max_length = 253
