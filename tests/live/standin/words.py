"""Takes the words of a program apart: options, their values, and the rest."""

from collections.abc import Iterator


def parse(
    words: list[str], *, valued: tuple[str, ...], first_ends: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Return the options with their values, those given more than once joined by `,`, and the other words.

    `valued`: options that take the next word. With `first_ends` the first other word ends the options.
    """
    options: dict[str, str] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest.extend(left)
        elif word.startswith("-") and len(word) > 1:
            name, is_given, value = word.partition("=")
            if name in valued and not is_given:
                value = next(left)
            options[name] = f"{options[name]},{value}" if name in options else value
        else:
            rest.append(word)
            if first_ends:
                rest.extend(left)
    return options, rest


def given(words: list[str], *names: str) -> Iterator[tuple[str, str]]:
    """Yield the values `KEY=VALUE` of options that may be given more than once."""
    for number, word in enumerate(words):
        for name in names:
            text = None
            if word == name:
                text = words[number + 1]
            elif word.startswith(f"{name}="):
                text = word.removeprefix(f"{name}=")
            if text is not None:
                key, _, value = text.partition("=")
                yield key, value


def full_name(name: str) -> str:
    """Return the name of a unit with its kind."""
    kinds = ("service", "target", "timer", "mount", "socket", "path", "slice", "scope", "swap", "device")
    return name if name.rpartition(".")[2] in kinds or "*" in name else f"{name}.service"
