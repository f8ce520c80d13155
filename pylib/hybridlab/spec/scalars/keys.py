"""Public keys: of ssh and of age."""

import base64
import re

from hybridlab.spec.scalars.text import ScalarError, Text

# How many fields the blob of each key type has, its own name the first: RFC 4253 6.6 (rsa), RFC 5656 3.1
# (ecdsa), RFC 8709 4 (ed25519), OpenSSH's PROTOCOL.u2f (sk-).
_FIELDS = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}


def _fields(blob: bytes) -> list[bytes]:
    """Cut `blob` into its length-prefixed fields (RFC 4251, 5); none when they do not fill it exactly."""
    found = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        if end > len(blob):
            return []
        found.append(blob[4:end])
        blob = blob[end:]
    return found


class SshKey(Text):
    """One line of an authorized_keys file: key type, base64 blob, optional comment."""

    __slots__ = ()
    expected = "an SSH public key (the one line of an id_….pub file)"
    public_half = "put the line of the .pub file"
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, _FIELDS))}) [A-Za-z0-9+/]+={{0,2}}(?: [^\n]*)?")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        if re.fullmatch(r"[~.$/][^ \n]*|[^ \n]*\.pub", text):
            return f"put the line that is in {text.removesuffix('.pub')}.pub"
        if re.match(r'[a-z-]{2,40}="|restrict[ ,]|no-[a-z]', text):
            return "begin with the key's type: options like from= are not taken, `sshFrom` says from where"
        return None

    @classmethod
    def instead(cls, text: str) -> str | None:
        # The type stands in the key itself, too.
        match = re.fullmatch(r"(?:[a-z0-9@.-]+ +)?(AAAA[A-Za-z0-9+/]+={0,2})((?: .*)?)", text)
        kind = _kind(match[1]) if match else None
        return f"{kind} {match[1]}{match[2]}" if match and kind else None

    @classmethod
    def verify(cls, text: str) -> None:
        if _is_whole(*text.split(" ")[:2]):
            return
        kind, *words = text.split(" ")
        for count in range(2, min(len(words), _MOST_PIECES) + 1):
            if _is_whole(kind, "".join(words[:count])):
                raise ScalarError(
                    f"the SSH public key {text[:40]!r}… is broken into {count} pieces", "write it on one line"
                )
        raise ScalarError(
            f"the SSH public key {text[:40]!r}… is cut off or damaged", "copy the whole line again"
        )


_MOST_PIECES = 40  # a key of RSA is some ten lines of a narrow window


def _is_whole(kind: str, blob: str) -> bool:
    """Whether the base64 text of a key of this kind is complete."""
    return _kind(blob) == kind


def _kind(blob: str) -> str | None:
    """Return the type of a key that is complete, from its base64 text."""
    try:
        fields = _fields(base64.b64decode(blob, validate=True))
    except ValueError:  # also of text that is not ASCII
        return None
    kind = fields[0].decode("ascii", "replace") if fields else ""
    return kind if _FIELDS.get(kind) == len(fields) else None


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
    public_half = "put its public half (age-keygen -y)"
    pattern = re.compile(r"age1[a-z0-9]{6,}")

    @classmethod
    def suggest(cls, text: str) -> str | None:
        if text.startswith("ssh-"):
            return "turn an SSH key into a recipient with ssh-to-age"
        if "," in text:
            return "give each key a name of its own"
        if re.fullmatch(r"(?:0x)?[0-9A-Fa-f ]{8,60}", text):
            return "PGP keys are not taken: age-keygen makes an age key"
        return None

    @classmethod
    def instead(cls, text: str) -> str | None:
        lower = text.lower()
        is_right = cls.pattern is not None and cls.pattern.fullmatch(lower) and _bech32_is_valid(lower)
        return lower if is_right else None

    @classmethod
    def verify(cls, text: str) -> None:
        if not _bech32_is_valid(text):
            raise ScalarError(
                f"the age recipient {text!r} has a wrong checksum: a character is missing or mistyped"
            )

    @property
    def plugin(self) -> str | None:
        """The plugin of age that knows the key, as of `age1yubikey1…`; None where age itself does."""
        name = self.rpartition("1")[0].removeprefix("age").removeprefix("1")
        return None if name in ("", "pq") else name
