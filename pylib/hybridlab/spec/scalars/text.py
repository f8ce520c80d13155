"""Text that a person can read, the base of every textual type of the spec."""

import re
import unicodedata
from typing import ClassVar, Self

from hybridlab.spec.scalars.confidential import holds_private_key, withheld

# Characters that change how the text around them is shown (Unicode TR36, "trojan source") or that editors and
# YAML readers disagree about as line breaks. They have no use in a spec, and hide what it says.
_BIDI_AND_BREAKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u0085\u2028\u2029"
)

_CURLY_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"


class ScalarError(ValueError):
    """A value breaks the rule of its type; the text says which, `hint` what to write instead.

    `instead` is the one right spelling of what can only have been meant so; it is also the hint then. A
    private key in the message is withheld.
    """

    def __init__(self, message: str, hint: str | None = None, *, instead: str | None = None) -> None:
        super().__init__(withheld(message))
        self.hint = hint if instead is None else f'write "{instead}"'
        self.instead = instead


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

    A subclass narrows it with `pattern` and says in `expected` what it takes; `public_half` is what to do
    about a private key there.
    """

    __slots__ = ()
    expected: ClassVar[str] = "text"
    pattern: ClassVar[re.Pattern[str] | None] = None
    max_length: ClassVar[int | None] = None
    public_half: ClassVar[str] = "take it out"

    def __new__(cls, value: str) -> Self:
        if type(value) is cls:
            return value
        if not isinstance(value, str):
            raise ScalarError(f"expected {cls.expected}, found {value!r}")
        text = cls.normalize(value)
        if hidden := hidden_character(text):
            raise ScalarError(f"{cls.expected} must not contain the invisible character {hidden[1]}")
        if cls.pattern is not None and holds_private_key(text):
            hint = f"{cls.public_half}, and make a new pair: whoever saw this file, also in git, has the key"
            raise ScalarError(f"this is a private key, and not {cls.expected}", hint)
        if cls.max_length is not None and len(text) > cls.max_length:
            raise ScalarError(
                f"{text!r} has {len(text)} characters, {cls.expected} has at most {cls.max_length}"
            )
        if cls.pattern is not None and not cls.pattern.fullmatch(text):
            instead = cls.instead(text) or cls._bare(text)
            raise ScalarError(f"{text!r} is not {cls.expected}", cls.suggest(text), instead=instead)
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
    def instead(cls, text: str) -> str | None:
        """Return the right spelling of a `text` that does not match the pattern, if there is only one."""
        return None

    @classmethod
    def _bare(cls, text: str) -> str | None:
        """Return what stands in quotes that YAML takes for letters, or before a comma of another language."""
        inner = text.strip(_CURLY_QUOTES).rstrip(",;")
        return inner if inner != text and cls.pattern and cls.pattern.fullmatch(inner) else None

    @classmethod
    def verify(cls, text: str) -> None:
        """Raise `ScalarError` for what no pattern can tell."""
