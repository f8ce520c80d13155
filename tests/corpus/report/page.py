"""docs/corpus.md: how much of the corpus hybridlab sees, beside what other tools said when asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from corpus.corpus import LAYERS, base_names
from corpus.report.ours import Judged, Verdict
from corpus.report.prose import HEAD, HOW_MADE, HOW_TO_ADD
from corpus.report.record import Described, Record
from hybridlab import Severity
from hybridlab.rules.codes import EXPLAINED
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.wording import counted

PAGE = Path(__file__).parents[3] / "docs" / "corpus.md"
CASES = "../tests/corpus/faulty"
OURS = "hybridlab"


@frozen
class Figures:
    """What the page is made of: our verdicts, our false alarms by good cluster, and what the others said."""

    judged: tuple[Judged, ...]
    alarms: Mapping[str, int]
    record: Record
    # Those that the others were asked about, and of which something can be generated.
    shown: tuple[Judged, ...] = field(init=False)

    @shown.default
    def _shown(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.judged if self.record.faulty.get(one.case.slug) is not None)

    @property
    def asked(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.judged if one.case.slug in self.record.faulty)

    @property
    def visible(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.judged if "manifests" in one.case.visible)


def corpus_page(figures: Figures) -> str:
    """Return the page, in Markdown."""
    judged = figures.judged
    parts = (
        HEAD.format(
            accidents=len(judged),
            bases=len(base_names()),
            good=len(figures.alarms),
            sourced=sum(one.case.source is not None for one in judged),
        ),
        _in_short(figures),
        HOW_TO_ADD,
        _made(figures),
        _ours(figures),
        _by_layer(figures),
        _missed(figures),
        _one_by_one(figures),
        _by_code(judged),
    )
    return "\n".join(parts)


def _made(figures: Figures) -> str:
    tools = figures.record.tools
    silent = sum(one in figures.asked and one not in figures.shown for one in figures.visible)
    return HOW_MADE.format(
        silent=len(figures.asked) - len(figures.shown),
        visible=len(figures.visible),
        unseen=f" ({silent} of them give none)" if silent else "",
        made=figures.record.made,
        tools="\n".join(f"- **{one.name}** {one.version}: {one.how}." for one in tools),
    )


def _in_short(figures: Figures) -> str:
    """The table that answers the question; the others are asked of cases that they were given."""
    asked = {one.case.slug for one in figures.asked}
    shown = {one.case.slug for one in figures.shown}
    visible = [one for one in figures.visible if one.case.slug in shown]
    rows = [
        (
            f"**{OURS}**",
            _share(_is_seen, figures.visible),
            _share(_is_seen, figures.judged),
            _alarms(figures.alarms, figures.alarms),
        )
    ]
    for tool in figures.record.tools:
        saw = _saw(figures.record, [tool])
        counts = {name: said.get(tool.name, 0) for name, said in figures.record.good.items()}
        of_manifests = tool.reads == "k8s"
        rows.append(
            (
                f"{tool.name} {tool.version}",
                _share(saw, visible) if of_manifests else "",
                _share(saw, figures.asked),
                _alarms(counts, figures.record.good),
            )
        )
    every = _saw(figures.record, figures.record.tools)
    rows.append(("all others together", _share(every, visible), _share(every, figures.asked), ""))
    later = len(figures.judged) - len(asked)
    note = f"\nNewer than what the others said, and counted for {OURS} alone: {later}.\n" if later else ""
    return (
        "## In short\n\n"
        + _table(
            (
                "",
                "accidents seen, of those visible in manifests",
                "of all",
                "good clusters with false alarms",
            ),
            rows,
        )
        + note
    )


def _ours(figures: Figures) -> str:
    judged = figures.judged
    seen = [one for one in judged if _is_seen(one)]
    groups = (
        ("all", judged),
        ("with a source", [one for one in judged if one.case.source is not None]),
        ("without one", [one for one in judged if one.case.source is None]),
    )
    rows = [
        (
            name,
            len(group),
            _share(_is_seen, group),
            sum(one.verdict is Verdict.ELSEWHERE for one in group),
            sum(one.verdict is Verdict.MISSED for one in group),
        )
        for name, group in groups
    ]
    errors = sum(one.severity is Severity.ERROR for one in seen)
    unexpected = sum(one.unexpected for one in judged)
    alarms = ", ".join(f"`{name}`" for name, count in sorted(figures.alarms.items()) if count)
    return (
        "## What hybridlab sees\n\n"
        + _table(("accidents", "", "seen", "seen elsewhere", "missed"), rows)
        + f"\nOf what is seen, {errors} are told as errors, which stop `generate` and `deploy`, and "
        f"{len(seen) - errors} as warnings. Findings on faulty clusters that follow from no accident: "
        f"{unexpected}. Good clusters with false alarms: {alarms or 'none'}.\n"
    )


def _by_layer(figures: Figures) -> str:
    tools = figures.record.tools
    rows = []
    for layer in LAYERS:
        judged = [one for one in figures.judged if layer in one.case.layers]
        asked = [one for one in figures.asked if layer in one.case.layers]
        others = (_count(_saw(figures.record, [tool]), asked) for tool in tools)
        every = _count(_saw(figures.record, tools), asked)
        rows.append((layer, len(judged), _share(_is_seen, judged), *others, every))
    return "## By layer\n\nAn accident is in each of the layers that it joins.\n\n" + _table(
        ("layer", "accidents", OURS, *(tool.name for tool in tools), "all others together"), rows
    )


def _missed(figures: Figures) -> str:
    missed = [one for one in figures.judged if not _is_seen(one)]
    rows = [
        (
            _link(one),
            _cell(one.case.what),
            ", ".join(one.case.layers),
            _cell(one.case.missed or "something else is said"),
            ", ".join(figures.record.faulty.get(one.case.slug) or ()),
        )
        for one in missed
    ]
    head = ("case", "what happened", "layers", "why", "who else says something")
    return "## What hybridlab misses\n\n" + _table(head, rows)


def _one_by_one(figures: Figures) -> str:
    tools = [tool for tool in figures.record.tools if tool.reads == "k8s"]
    rows = []
    for one in figures.visible:
        slug = one.case.slug
        ours = f"{one.case.expect[0].code}" if _is_seen(one) else ""
        none = figures.record.faulty.get(slug) is None
        others = ("" if none else "seen" * figures.record.saw(tool.name, slug) for tool in tools)
        rows.append((_link(one), _cell(one.case.what), ours, *others))
    return "## Accidents that manifests show, one by one\n\n" + _table(
        ("case", "what happened", OURS, *(tool.name for tool in tools)), rows
    )


def _by_code(judged: Iterable[Judged]) -> str:
    first = Counter(one.case.expect[0].code for one in judged if one.case.expect)
    every = Counter(expected.code for one in judged for expected in one.case.expect)
    rows = [
        (code, EXPLAINED[code].name, EXPLAINED[code].severity.value, first[code], every[code] - first[code])
        for code in sorted(every)
    ]
    silent = ", ".join(rule.code for rule in ALL_RULES if rule.code not in every)
    return (
        "## By code\n\nHow many accidents each [rule](rules.md) or other code is the answer to, and in how "
        "many it follows from another.\n\n"
        + _table(("code", "name", "severity", "accidents", "follows"), rows)
        + (f"\nNo accident here is for these rules: {silent}.\n" if silent else "")
    )


def _is_seen(one: Judged) -> bool:
    return one.verdict is Verdict.SEEN


def _saw(record: Record, tools: Iterable[Described]) -> Callable[[Judged], bool]:
    names = [tool.name for tool in tools]
    return lambda one: any(record.saw(name, one.case.slug) for name in names)


def _count(test: Callable[[Judged], bool], judged: Iterable[Judged]) -> int:
    return sum(map(test, judged))


def _share(test: Callable[[Judged], bool], judged: Sequence[Judged]) -> str:
    count = _count(test, judged)
    # Never rounded up: 99.96 % are not all.
    return f"{count} of {len(judged)} ({1000 * count // max(1, len(judged)) / 10} %)"


def _alarms(counts: Mapping[str, int], good: Mapping[str, object]) -> str:
    noisy = sum(count > 0 for count in counts.values())
    return f"{noisy} of {len(good)} ({counted(sum(counts.values()), 'finding')})"


def _link(one: Judged) -> str:
    return f"[{one.case.slug}]({CASES}/{one.case.slug}.yaml)"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return "".join(f"{line}\n" for line in _lines(head, rows))


def _lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
