"""The exceptions that leave the library: one tree, each carrying what a caller needs to report it."""

from hybridlab.diagnostic import Report


class HybridlabError(Exception):
    """Anything that hybridlab raises on purpose; its text is one sentence for a person."""


class ReportedError(HybridlabError):
    """An error that consists of diagnostics; `report` holds all of them, in order."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return "\n".join(f"{d.span or d.path}: {d.message}" for d in self.report)


class SpecError(ReportedError):
    """The spec can not be read: broken YAML, unknown or missing keys, values of a wrong type or shape."""


class ResolveError(ReportedError):
    """The spec reads well, but can not be resolved: a name dangles, or a range is exhausted."""


class OutputError(HybridlabError):
    """Generated files can not be written or removed without losing something that is not ours."""


class LiveError(HybridlabError):
    """A deployment or a look at a live machine can not go on."""
