"""Names that machines, Linux, Kubernetes and NixOS accept."""

import enum
import re

from hybridlab.spec.scalars.text import Text


class Name(Text):
    """A DNS-1123 label: the name of a machine, VLAN, workload or namespace."""

    __slots__ = ()
    expected = "a DNS label (lower-case letters, digits and inner '-', at most 63)"
    pattern = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        if re.fullmatch(r"[0-9a-f.:/]+", text):
            return None  # an address, of which no name is made
        candidate = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:63].strip("-")
        return f"did you mean {candidate!r}?" if candidate else None


class InterfaceName(Text):
    """A Linux network interface's name (IFNAMSIZ: 15 characters, no '/' and no white space)."""

    __slots__ = ()
    expected = "an interface name (letters, digits, '_', '-' and '.', at most 15, starting with a letter)"
    pattern = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")


class UserName(Text):
    """A login name that useradd accepts."""

    __slots__ = ()
    expected = (
        "a user name (lower-case letters, digits, '_' and '-', at most 31, starting with a letter or '_')"
    )
    pattern = re.compile(r"[a-z_][a-z0-9_-]{0,30}")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        candidate = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).lstrip("0123456789-")[:31].rstrip("-")
        return f"did you mean {candidate!r}?" if candidate else None


_LABEL_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DNS_SUBDOMAIN = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"


class LabelKey(Text):
    """A Kubernetes label's key: an optional DNS prefix and '/', then a name of at most 63 characters."""

    __slots__ = ()
    expected = (
        "a label key (optional DNS prefix and '/', then letters, digits and inner '-', '_', '.', at most 63)"
    )
    pattern = re.compile(rf"(?:(?=[^/]{{1,253}}/){_DNS_SUBDOMAIN}/)?{_LABEL_NAME}")


class LabelValue(Text):
    """A Kubernetes label's value: empty, or at most 63 characters."""

    __slots__ = ()
    expected = "a label value (letters, digits and inner '-', '_' and '.', at most 63)"
    pattern = re.compile(rf"(?:{_LABEL_NAME})?")


_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class Taint(Text):
    """A taint of a node, as `kubectl taint` writes it; key and value are as a label's.

    A pod without a toleration is not put on a node with a taint of the effect `NoSchedule` or `NoExecute`.
    """

    __slots__ = ()
    expected = "a taint, key=value:effect (effect NoSchedule, PreferNoSchedule or NoExecute)"
    pattern = re.compile(
        rf"{LabelKey.pattern.pattern}(?:={LabelValue.pattern.pattern})?"
        rf":(?:{'|'.join(_EFFECTS)})"
    )

    @classmethod
    def suggest(cls, text: str) -> str | None:
        if cls.pattern and cls.pattern.fullmatch(f"{text}:NoSchedule"):
            return f"add its effect, like {text}:NoSchedule"
        return None

    @classmethod
    def instead(cls, text: str) -> str | None:
        rest, _, word = text.rpartition(":")
        effect = next((known for known in _EFFECTS if known.lower() == re.sub("[-_ ]", "", word).lower()), "")
        meant = f"{rest}:{effect}"
        return meant if cls.pattern and cls.pattern.fullmatch(meant) else None

    @property
    def key(self) -> str:
        return self.rpartition(":")[0].partition("=")[0]

    @property
    def value(self) -> str:
        return self.rpartition(":")[0].partition("=")[2]

    @property
    def effect(self) -> str:
        return self.rpartition(":")[2]

    @property
    def repels(self) -> bool:
        """Whether it keeps pods away, rather than only preferring other nodes."""
        return self.effect != "PreferNoSchedule"


class PortName(Text):
    """The name of a port of a container (RFC 6335, service names)."""

    __slots__ = ()
    expected = "a port's name (lower-case letters, digits and inner single '-', at most 15, with a letter)"
    pattern = re.compile(r"(?=.{1,15}$)(?=[0-9-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")


class EnvName(Text):
    """An environment variable's name, as every shell accepts it."""

    __slots__ = ()
    expected = "an environment variable's name (letters, digits and '_', not starting with a digit)"
    pattern = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Image(Text):
    """A container image's reference: [registry/]path with a tag, a digest, or both."""

    __slots__ = ()
    expected = "an image reference with a tag or digest (like ollama/ollama:0.30.0-rocm)"
    pattern = re.compile(
        r"[a-z0-9]+(?:[._:-][a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64})"
    )

    @classmethod
    def suggest(cls, text: str) -> str | None:
        if cls.pattern and cls.pattern.fullmatch(f"{text.lower()}:1"):
            return f"add its version: {text.lower()}:…"
        return "write the name without https://" if "://" in text else None

    @classmethod
    def instead(cls, text: str) -> str | None:
        # All but the tag is in lower case (distribution/reference).
        name, colon, tag = text.rpartition(":")
        meant = f"{name.lower()}{colon}{tag}"
        return meant if cls.pattern and cls.pattern.fullmatch(meant) else None


class DomainName(Text):
    """A DNS domain of lower-case labels."""

    __slots__ = ()
    expected = "a DNS domain (lower-case labels joined with '.')"
    pattern = re.compile(rf"(?=.{{1,253}}$){_DNS_SUBDOMAIN}")


class Release(Text):
    """A NixOS release, `YY.MM`."""

    __slots__ = ()
    expected = 'a NixOS release ("26.05")'
    pattern = re.compile(r"[0-9]{2}\.(?:05|11)")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        year = re.fullmatch(r"([0-9]{2})\.[0-9]{1,2}", text)
        return f"there is one in May and one in November: {year[1]}.05, {year[1]}.11" if year else None

    @classmethod
    def instead(cls, text: str) -> str | None:
        match = re.fullmatch(r"(?:nixos|nixpkgs|release|v)-?([0-9]{2}\.(?:05|11))(?:-small)?", text.lower())
        return match[1] if match else None


class TimeZone(Text):
    """A zone of the tz database (tzselect(8))."""

    __slots__ = ()
    expected = "a time zone of the tz database (like Europe/Berlin, or UTC)"
    pattern = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*){0,2}")
    max_length = 64


class System(enum.Enum):
    """A Nix system that a machine of the cluster can have."""

    X86_64 = "x86_64-linux"
    AARCH64 = "aarch64-linux"
