"""Value types of the spec: text and numbers that obey a rule, checked once, when they are made.

Each is a subclass of `str` or `int`, so that a valid value is used like any other; an invalid one cannot be
built (`ScalarError`). Nothing here knows which key of the spec holds which type.
"""

import base64
import binascii
import enum
import ipaddress
import re
import unicodedata
from typing import ClassVar, Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Characters that change how the text around them is shown (Unicode TR36, "trojan source") or that editors and
# YAML readers disagree about as line breaks. They have no use in a spec, and hide what it says.
_BIDI_AND_BREAKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u0085\u2028\u2029"
)


class ScalarError(ValueError):
    """A value breaks the rule of its type; the text says which, `hint` what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def hidden_character(text: str) -> tuple[int, str] | None:
    """Return index and name of the first character in `text` that a reader can not see, or None.

    Line feed and tab are fine; other control characters, surrogates, bidirectional marks, byte order marks
    and the Unicode line breaks are not.
    """
    for index, char in enumerate(text):
        if char in "\n\t" or (" " <= char <= "~"):
            continue
        if char in _BIDI_AND_BREAKS or char == "\ufeff" or unicodedata.category(char) in ("Cc", "Cs"):
            return index, f"U+{ord(char):04X} {unicodedata.name(char, 'control character').lower()}"
    return None


class Text(str):
    """Text that a person can read: no control characters but line feed and tab, no bidirectional marks.

    A subclass narrows it with `pattern` and says in `expected` what it takes.
    """

    __slots__ = ()
    expected: ClassVar[str] = "text"
    pattern: ClassVar[re.Pattern[str] | None] = None
    max_length: ClassVar[int | None] = None

    def __new__(cls, value: str) -> Self:
        if type(value) is cls:
            return value
        if not isinstance(value, str):
            raise ScalarError(f"expected {cls.expected}, found {value!r}")
        text = cls.normalize(value)
        if hidden := hidden_character(text):
            raise ScalarError(f"{cls.expected} must not contain the invisible character {hidden[1]}")
        if cls.max_length is not None and len(text) > cls.max_length:
            raise ScalarError(
                f"{text!r} has {len(text)} characters, {cls.expected} has at most {cls.max_length}"
            )
        if cls.pattern is not None and not cls.pattern.fullmatch(text):
            raise ScalarError(f"{text!r} is not {cls.expected}", cls.suggest(text))
        cls.verify(text)
        return super().__new__(cls, text)

    @classmethod
    def normalize(cls, text: str) -> str:
        """Return the one spelling of several equal ones."""
        return text

    @classmethod
    def suggest(cls, text: str) -> str | None:
        """Return a hint for a `text` that does not match the pattern."""
        return None

    @classmethod
    def verify(cls, text: str) -> None:
        """Raise `ScalarError` for what no pattern can tell."""


class Name(Text):
    """A DNS-1123 label: the name of a machine, VLAN, workload or namespace."""

    __slots__ = ()
    expected = "a DNS label (lower-case letters, digits and inner '-', at most 63)"
    pattern = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

    @classmethod
    def suggest(cls, text: str) -> str | None:
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


class SshKey(Text):
    """One line of an authorized_keys file: key type, base64 blob, optional comment."""

    __slots__ = ()
    expected = "an SSH public key (the one line of an id_….pub file)"
    pattern = re.compile(
        r"(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
        r" [A-Za-z0-9+/]+={0,2}(?: [^\n]*)?"
    )

    @classmethod
    def suggest(cls, text: str) -> str | None:
        return (
            "this is a private key: take the .pub file, and make a new pair"
            if "PRIVATE KEY" in text
            else None
        )

    @classmethod
    def verify(cls, text: str) -> None:
        kind, blob = text.split(" ")[:2]
        try:
            decoded = base64.b64decode(blob, validate=True)
        except binascii.Error:
            decoded = b""
        # RFC 4253, 6.6: the blob starts with the key type as a length-prefixed string.
        length = int.from_bytes(decoded[:4], "big")
        if decoded[4 : 4 + length] != kind.encode() or len(decoded) <= 4 + length:
            raise ScalarError(f"the SSH public key {text[:40]!r}… is cut off or damaged")


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _bech32_is_valid(text: str) -> bool:
    """Whether `text` carries a right bech32 checksum (BIP 173, without its length limit, as age uses it)."""
    prefix, _, payload = text.rpartition("1")
    if not prefix or any(char not in _BECH32 for char in payload):
        return False
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    checksum = 1
    for value in values + [_BECH32.index(char) for char in payload]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum == 1


class AgeRecipient(Text):
    """An age public key (also of a plugin): a typing slip is caught by its checksum."""

    __slots__ = ()
    expected = "an age recipient (age1…)"
    pattern = re.compile(r"age1[a-z0-9]{6,}")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        if text.upper().startswith("AGE-SECRET-KEY-"):
            return "this is a private key: take its public half (age-keygen -y), and make a new pair"
        if text.startswith("ssh-"):
            return "turn an SSH key into a recipient with ssh-to-age"
        return None

    @classmethod
    def verify(cls, text: str) -> None:
        if not _bech32_is_valid(text):
            raise ScalarError(
                f"the age recipient {text!r} has a wrong checksum: a character is missing or mistyped"
            )


class MacAddress(Text):
    """A unicast Ethernet address, lower case with colons."""

    __slots__ = ()
    expected = "a MAC address (six pairs of hex digits with colons)"
    pattern = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")

    @classmethod
    def normalize(cls, text: str) -> str:
        return text.lower()

    @classmethod
    def suggest(cls, text: str) -> str | None:
        digits = re.sub(r"[^0-9a-f]", "", text)
        return f'write "{":".join(re.findall("..", digits))}"' if len(digits) == 12 else None

    @classmethod
    def verify(cls, text: str) -> None:
        if int(text[:2], 16) & 1:
            raise ScalarError(
                f"MAC address {text!r} is a multicast address, an interface needs a unicast one"
            )
        if text == "00:00:00:00:00:00":
            raise ScalarError(f"MAC address {text!r} is no address")


class PciAddress(Text):
    """A PCI device's full address, as sysfs names it."""

    __slots__ = ()
    expected = "a full PCI address (domain:bus:device.function, like 0000:c4:00.0)"
    pattern = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")

    @classmethod
    def normalize(cls, text: str) -> str:
        return text.lower()

    @classmethod
    def suggest(cls, text: str) -> str | None:
        return f'write "0000:{text}"' if cls.pattern and cls.pattern.fullmatch(f"0000:{text}") else None


class PciId(Text):
    """Vendor and device id of a PCI device."""

    __slots__ = ()
    expected = "a PCI id (vendor:device, like 1002:1900)"
    pattern = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")

    @classmethod
    def normalize(cls, text: str) -> str:
        return text.lower()


class MachineId(Text):
    """The content of /etc/machine-id (machine-id(5)): 32 hex digits, not all zero."""

    __slots__ = ()
    expected = "a machine id (32 lower-case hex digits, not all zero)"
    pattern = re.compile(r"(?!0{32})[0-9a-f]{32}")


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


class EnvName(Text):
    """An environment variable's name, as every shell accepts it."""

    __slots__ = ()
    expected = "an environment variable's name (letters, digits and '_', not starting with a digit)"
    pattern = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Image(Text):
    """A container image's reference: [registry/]path with a tag, a digest, or both."""

    __slots__ = ()
    expected = "an image reference with a tag or digest (like ollama/ollama:rocm)"
    pattern = re.compile(
        r"[a-z0-9]+(?:[._:-][a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64})"
    )


class HostPath(Text):
    """An absolute, normal path of a folder or file on a machine.

    Only characters that neither systemd (`%`, blanks) nor a shell reads as anything else.
    """

    __slots__ = ()
    expected = "an absolute path (letters, digits and . _ - + @ : between slashes, no '..')"
    pattern = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._+@:-]+)+")
    max_length = 1024


class RepositoryPath(Text):
    """A file's path relative to the folder of the spec, inside it."""

    __slots__ = ()
    expected = "a relative path inside the repository (letters, digits and . _ - between slashes, no '..')"
    pattern = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*")
    max_length = 255


class SecretKey(Text):
    """A key inside a sops file, nested keys joined with '/', as sops-nix names them."""

    __slots__ = ()
    expected = "a secret's key (letters, digits, '.', '_' and '-', nested with '/')"
    pattern = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*")
    max_length = 255


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


class System(enum.Enum):
    """A Nix system that a machine of the cluster can have."""

    X86_64 = "x86_64-linux"
    AARCH64 = "aarch64-linux"


class WholeNumber(int):
    """A whole number with bounds; `bool` is not a number here, though Python thinks so."""

    __slots__ = ()
    expected: ClassVar[str] = "a whole number"
    least: ClassVar[int] = 0
    most: ClassVar[int] = 2**31 - 1

    def __new__(cls, value: int) -> Self:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ScalarError(f"expected {cls.expected}, found {value!r}")
        if not cls.least <= value <= cls.most:
            raise ScalarError(f"{value} is not {cls.expected} ({cls.least} to {cls.most})")
        return super().__new__(cls, value)


class Count(WholeNumber):
    """How many of a thing: zero or more."""

    __slots__ = ()
    most = 4096


class CpuCount(WholeNumber):
    """A number of processors, at least one."""

    __slots__ = ()
    expected = "a number of processors"
    least = 1
    most = 4096


class Port(WholeNumber):
    """A TCP or UDP port."""

    __slots__ = ()
    expected = "a port"
    least = 1
    most = 65535


class VlanId(WholeNumber):
    """An 802.1Q VLAN id; 0 and 4095 are reserved."""

    __slots__ = ()
    expected = "a VLAN id"
    least = 1
    most = 4094


class Cid(WholeNumber):
    """A vsock context id: 0 to 2 are reserved, the kernel refuses 2^32 - 1 (facts 3.1)."""

    __slots__ = ()
    expected = "a vsock CID"
    least = 3
    most = 2**32 - 2


_UNITS = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"([1-9][0-9]{0,8})(MiB|GiB|TiB)")


class Size(int):
    """An amount of memory or disk in bytes, a whole number of MiB; written `512MiB`, `4GiB`, `1TiB`."""

    __slots__ = ()
    expected: ClassVar[str] = "a size with its unit (like 4GiB or 512MiB)"

    def __new__(cls, value: "str | Size") -> Self:
        if type(value) is cls:
            return value
        if not isinstance(value, str):
            raise ScalarError(
                f"expected {cls.expected}, found {value!r}", f"did you mean {value}MiB or {value}GiB?"
            )
        if not (match := _SIZE.fullmatch(value)):
            spelled = re.fullmatch(r"([1-9][0-9]*) ?([MGT])i?[Bb]?", value)
            hint = f"did you mean {spelled[1]}{spelled[2]}iB?" if spelled else None
            raise ScalarError(f"{value!r} is not {cls.expected}", hint)
        return super().__new__(cls, int(match[1]) * _UNITS[match[2]])

    @classmethod
    def of_mib(cls, mib: int) -> Self:
        return cls(f"{mib}MiB")

    @property
    def mib(self) -> int:
        return self // 2**20

    def __str__(self) -> str:
        unit = max((u for u in _UNITS if self % _UNITS[u] == 0), key=_UNITS.__getitem__)
        return f"{self // _UNITS[unit]}{unit}"

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


def parse_address(value: object) -> Address:
    """Turn text into an IPv4 or IPv6 address.

    Raises: ScalarError for anything else, also for a zone (`fe80::1%eth0`), which means nothing elsewhere.
    """
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return value
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError
        return ipaddress.ip_address(value)
    except ValueError:
        hint = (
            f"write the address without its prefix: {value.split('/')[0]}"
            if "/" in str(value) and isinstance(value, str)
            else None
        )
        raise ScalarError(f"{value!r} is not an IP address", hint) from None


def parse_network(value: object) -> Network:
    """Turn text into an IPv4 or IPv6 network in CIDR notation.

    Raises: ScalarError for anything else; with bits set behind the prefix, the hint names the network meant.
    """
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if not isinstance(value, str) or "/" not in value or "%" in value:
        raise ScalarError(f"{value!r} is not a network in CIDR notation (like 10.0.20.0/24)")
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        try:
            meant = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise ScalarError(f"{value!r} is not a network in CIDR notation (like 10.0.20.0/24)") from None
        raise ScalarError(
            f"{value!r} is an address in a network, not a network", f"did you mean {meant}?"
        ) from None
