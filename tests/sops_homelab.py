"""A folder with a spec and sops files that are real, and the private keys of some who can read them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from attrs import frozen

from programs import built_programs, need_program

EXAMPLE = (Path(__file__).parents[1] / "cluster.yaml").read_text(encoding="utf-8")

APP = """
workloads:
  app:
    type: deployment
    image: nginx:1.29.1
    env: {PASSWORD: {secret: app/password}}
    volumes: {/key.pem: {secret: app/key}}
"""


@frozen
class Homelab:
    """A folder with a spec whose `admin` and `homelab` have private keys here."""

    folder: Path
    keys: Path

    def run(
        self, *arguments: str, key: str | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return self._start([sys.executable, "-m", "hybridlab", *arguments], key, given)

    def decrypt(self, file: str, key: str) -> dict[str, dict[str, str]]:
        run = self._start(["sops", "decrypt", file], key)
        assert run.returncode == 0, run.stderr
        return yaml.safe_load(run.stdout)

    def sops(self, *arguments: str, key: str) -> None:
        run = self._start(["sops", *arguments], key)
        assert run.returncode == 0, run.stderr

    def can_decrypt(self, file: str, key: str) -> bool:
        return self._start(["sops", "decrypt", file], key).returncode == 0

    def make_key(self, name: str) -> str:
        """Make a pair of age keys, and return the public one."""
        return _make_key(self.keys / name)

    def _start(
        self, command: list[str], key: str | None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SOPS_")}
        environment |= {
            "HOME": str(self.keys),  # nobody's own keys
            "PATH": f"{os.environ['PATH']}{os.pathsep}{built_programs()}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            **({"SOPS_AGE_KEY_FILE": str(self.keys / key)} if key else {}),
        }
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def spec(self) -> Path:
        return self.folder / "cluster.yaml"

    def add(self, recipients: str) -> None:
        """Add lines to secrets.recipients, with which the spec ends."""
        with self.spec.open("a", encoding="utf-8") as file:
            file.writelines(f"    {line}\n" for line in recipients.splitlines())

    def drop(self, recipient: str) -> None:
        """Take somebody out of secrets.recipients."""
        self.change(f"    {recipient}: {self.recipient(recipient)}\n", "")

    def change(self, old: str, new: str) -> None:
        """Write something else in the place of what stands in the spec."""
        text = self.spec.read_text(encoding="utf-8")
        assert old in text
        self.spec.write_text(text.replace(old, new), encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Return what is beside the spec and below it, hidden files too."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    def recipient(self, name: str) -> str:
        (found,) = re.findall(rf"\n    {name}: (age1\S+)", self.spec.read_text(encoding="utf-8"))
        return found

    def codes(self) -> list[str]:
        run = self.run("secrets", "check")
        assert run.returncode == (1 if "error[" in run.stdout else 0), run.stderr
        return re.findall(r"(?:error|warning)\[(\w+)\]", run.stdout)


def make_homelab(tmp_path: Path) -> Homelab:
    """Make the example with fresh keys, and without recipients for its guests."""
    for program in ("age-keygen", "sops"):
        need_program(program)
    keys = tmp_path / "keys"
    keys.mkdir()
    text = re.sub(r"\n    k8s-\S+: age1\S+", "", EXAMPLE)
    for name in ("admin", "homelab"):
        text = re.sub(rf"\n    {name}: age1\S+", f"\n    {name}: {_make_key(keys / name)}", text)
    folder = tmp_path / "homelab"
    folder.mkdir()
    (folder / "cluster.yaml").write_text(text, encoding="utf-8")
    return Homelab(folder, keys)


def _make_key(file: Path) -> str:
    subprocess.run(["age-keygen", "-o", file], capture_output=True, check=True)
    return subprocess.run(
        ["age-keygen", "-y", file], capture_output=True, text=True, check=True
    ).stdout.strip()
