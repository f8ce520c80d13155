"""Schedules of the CronJobs in the user's own manifests: times that there are."""

import re
from collections.abc import Iterable

from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule

_CRON_JOB = """
        apiVersion: batch/v1
        kind: CronJob
        metadata: {{name: dump, namespace: default}}
        spec:
          schedule: "{}"
          jobTemplate:
            spec:
              template:
                spec: {{restartPolicy: Never, containers: [{{name: dump, image: "busybox:1.37"}}]}}
"""
_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
# A length of time as Go writes it.
_EVERY = re.compile(r"@every -?(?:[0-9]+(?:\.[0-9]*)?(?:ns|us|µs|ms|s|m|h))+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Of each of the five fields: what it is called, its least and most, and names for numbers from the least on.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)


@rule(
    "MAN051",
    "schedule-that-is-none",
    summary="The schedule of a CronJob in a manifest is none.",
    rationale="""Five fields say when: minute, hour, day of the month, month, day of the week, of which Sunday
        is 0. There are no seconds, no 7, no `L`, and the time zone has a field of its own. The API server
        refuses everything else.""",
    source="Kubernetes docs, CronJob: schedule syntax; robfig/cron v3, parser.go",
    bad=Example(OWN, at=OWN_DOCUMENT / "spec" / "schedule", manifest=_CRON_JOB.format("30 25 * * *")),
    good=OWN,
    good_manifest=_CRON_JOB.format("30 3 * * *"),
)
def schedule_that_is_none(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        schedule = one.spec.get("schedule")
        if (one.group, one.kind) != ("batch", "CronJob") or not isinstance(schedule, str):
            continue
        if (problem := _problem(schedule)) is not None:
            what, hint = problem
            yield Finding(
                f"{one} has the schedule {schedule!r}: {what}", one.path / "spec" / "schedule", hint
            )


def _problem(schedule: str) -> tuple[str, str] | None:
    """Return what is wrong with a schedule, and what to do."""
    if "TZ" in schedule:
        return "it has a time zone", "write it as timeZone, beside the schedule"
    if schedule.startswith("@"):
        known = schedule in _WORDS or _EVERY.fullmatch(schedule)
        return None if known else (f"there is no {schedule}", "write one like @daily, or five fields")
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return (
            f"it has {len(fields)} fields",
            "write five: minute, hour, day of the month, month, day of the week",
        )
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if not _is_part(part, least, most, names):
                return f"{part} is no {name}", f"write {least} to {most}, or *"
    return None


def _is_part(part: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    """Whether this is `*`, a number, a range, or one of them with steps."""
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if span in ("*", "?"):
        return True
    numbers = [_number(text, least, names) for text in span.split("-")]
    known = [number for number in numbers if number is not None]
    in_order = known == sorted(known)
    return 1 <= len(known) == len(numbers) <= 2 and in_order and all(least <= n <= most for n in known)


def _number(text: str, least: int, names: tuple[str, ...]) -> int | None:
    if text.lower() in names:
        return names.index(text.lower()) + least
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None
