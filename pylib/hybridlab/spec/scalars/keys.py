"""Public keys: of ssh and of age."""

import base64
import binascii
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
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, _FIELDS))}) [A-Za-z0-9+/]+={{0,2}}(?: [^\n]*)?")

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
        if _fields(decoded)[:1] != [kind.encode()] or len(_fields(decoded)) != _FIELDS[kind]:
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
