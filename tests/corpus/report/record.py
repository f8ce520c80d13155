"""What other tools said of the corpus when they were last asked: kept, since few machines have them all."""

import json
from collections.abc import Mapping
from pathlib import Path

from attrs import asdict, frozen

PATH = Path(__file__).with_name("others.json")


@frozen
class Described:
    """A tool as it was run: its name, version, the folder that it reads, and how, in half a sentence."""

    name: str
    version: str
    reads: str
    how: str


@frozen
class Record:
    """By accident, the first that each tool says and not of the base; by good cluster, how much it says.

    An accident of which nothing can be generated has None; a tool that said nothing is left out.
    """

    made: str
    tools: tuple[Described, ...]
    faulty: Mapping[str, Mapping[str, str] | None]
    good: Mapping[str, Mapping[str, int]]

    def saw(self, tool: str, slug: str) -> bool:
        return tool in (self.faulty.get(slug) or ())


def load(path: Path = PATH) -> Record:
    data = json.loads(path.read_text(encoding="utf-8"))
    tools = tuple(Described(**one) for one in data["tools"])
    return Record(data["made"], tools, data["faulty"], data["good"])


def save(record: Record, path: Path = PATH) -> None:
    path.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
