"""`python -m hostile COUNT SEED`: run `check` and its fixes over COUNT damaged homelabs, in this one process.

Prints a line of JSON: how often each exit code came, and the most memory and processor time. The first thing
that must not be (another exit code, an exception, 5 s of processor time for one spec) ends it with exit code
1, and leaves the files that did it in the folder `hostile-SEED`.
"""

import io
import json
import random
import resource
import signal
import sys
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hostile.mutations import Files, damaged
from hybridlab.cli.program import program
from hybridlab.errors import HybridlabError
from hybridlab.fix import fix_spec

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 5
FORMATS = ("text", "concise", "json", "github", "sarif")
SPEC = "cluster.yaml"


class TooSlowError(Exception):
    """One spec took more processor time than any may."""


def homelabs() -> list[Files]:
    """Return the good clusters of the corpus, each with its manifests; these are what is damaged."""
    folders = sorted(spec.parent for spec in ROOT.glob(f"tests/corpus/*/*/{SPEC}"))
    return [
        {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
        for folder in folders
    ]


def run(count: int, seed: int) -> dict[str, object]:
    """Damage and check `count` homelabs; `seed` makes the same ones again."""
    source = random.Random(seed)
    labs = homelabs()
    codes: Counter[int] = Counter()
    slowest = 0.0
    for number in range(count):
        files = damaged(source.choice(labs), source, source.choice(labs).values())
        with TemporaryDirectory() as name:
            folder = Path(name)
            _write(folder, files)
            begun = time.process_time()
            try:
                codes[_check(folder / SPEC, source.choice(FORMATS))] += 1
            except BaseException as error:
                kept = Path(f"hostile-{seed}")
                _write(kept, files)
                print(f"spec {number}: {type(error).__name__}: {error}; see {kept}", file=sys.stderr)
                raise
            slowest = max(slowest, time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"specs": count, "codes": dict(codes), "slowest_s": round(slowest, 2), "peak_MiB": peak}


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _check(spec: Path, form: str) -> int:
    """Run the command and the fixes, and return the exit code; raise what must not be."""
    signal.signal(signal.SIGVTALRM, _too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    output, told = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(output), redirect_stderr(told):
            try:
                program.main(["--spec", str(spec), "check", "--format", form])
            except SystemExit as ended:
                code = ended.code
        assert code in (0, 1, 2), f"exit code {code}"
        for text in (output.getvalue(), told.getvalue()):
            assert "bug in hybridlab" not in text, text
            assert "Traceback" not in text, text
            assert all(char.isprintable() or char == "\n" for char in text), "it may steer a terminal"
        with suppress(HybridlabError):
            fix_spec(spec)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return int(code)


def _too_slow(*_: object) -> None:
    raise TooSlowError(f"more than {MOST_SECONDS} s")


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
