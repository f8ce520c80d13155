"""What Nix says of the modules that are generated: whether they evaluate, and hold to all assertions."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from corpus.report.complaints import Complaint
from corpus.report.generated import Generated
from nix.flakes import Nix

_EXPRESSION = Path(__file__).with_name("nixos.nix")


def evaluate(folder: Path, cluster: Generated, nix: Nix) -> Iterator[Complaint]:
    """Yield why Nix does not evaluate a machine, each assertion that fails, and each warning."""
    hosts = " ".join(f'"{name}"' for name in cluster.hosts)
    run = nix.expression(f"import {_EXPRESSION} {{ root = {folder}; hosts = [ {hosts} ]; }}")
    if run.returncode:
        error = run.stderr.replace(f"{folder}/", "").partition("error:")[2]
        text = re.sub(r"\s+", " ", error.partition("(use '--show-trace'")[0]).strip()
        yield Complaint("the machines", text, text)
        return
    for machine, said in json.loads(run.stdout).items():
        for text in (*said["failed"], *said["warnings"]):
            yield Complaint(machine, text, text)
