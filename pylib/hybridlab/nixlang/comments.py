"""How a text becomes Nix comments: whatever it holds, it can neither end a comment nor hide in one.

It knows nothing of syntax trees or layout.
"""

import unicodedata
from typing import Final

# Controls, format characters (bidirectional marks, zero widths), surrogates, line and paragraph separators.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def comment_lines(text: str) -> tuple[str, ...]:
    """Return one `# …` line per line of `text`; only a line feed separates lines."""
    return tuple(f"# {_visible(line.rstrip())}".rstrip() for line in text.split("\n"))


def trailing_comment(text: str | None) -> str:
    """Return `text` as one comment for the end of a line, ` # …`; nothing if it is blank."""
    words = " ".join(filter(None, (line.strip() for line in (text or "").split("\n"))))
    return f" # {_visible(words)}" if words else ""


def _visible(line: str) -> str:
    """Spell out every character that is not seen as itself, as `<U+202E>`; a tab becomes a blank."""
    return "".join(
        f"<U+{ord(char):04X}>" if unicodedata.category(char) in _INVISIBLE else char
        for char in line.replace("\t", " ")
    )
