"""Run modules/join-token.sh, which delivers the join token on a machine, in temporary folders.

What the token may be is checked against what cfssl does with it: an empty one makes an open CA.
"""

import os
import pwd
import random
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "modules" / "join-token.sh"
TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
OWNER = pwd.getpwuid(os.getuid()).pw_name

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash (Debian package: bash)")

GOOD = {
    "one line": f"{TOKEN}\n",
    "no newline": TOKEN,
    "CRLF": f"{TOKEN}\r\n",
    "upper case": f"{TOKEN.upper()}\n",
    "empty lines after it": f"{TOKEN}\n\n\n",
}

BAD = {
    "empty": ("", "is empty"),
    "only newlines": ("\n\n", "is empty"),
    "only CRLF": ("\r\n", "is empty"),
    "one digit short": (TOKEN[:-1], "31 hex digits, expected 32"),
    "one digit long": (f"{TOKEN}0\n", "33 hex digits, expected 32"),
    "two tokens": (f"{TOKEN}\n{OTHER}\n", "other than hex digits"),
    "half a token on each line": (f"{TOKEN[:16]}\n{TOKEN[16:]}\n", "other than hex digits"),
    "32 letters": ("z" * 32, "other than hex digits"),
    "blank inside": (f"{TOKEN[:15]} {TOKEN[16:]}", "other than hex digits"),
    "digits of another script": ("٣" * 32, "other than hex digits"),
    "shell syntax": ("$(touch x)" + TOKEN[:22], "other than hex digits"),
}


def deliver(source: Path, target: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script as the systemd unit does, with `path` as its PATH."""
    env = dict(os.environ) if path is None else {**os.environ, "PATH": path}
    return subprocess.run(
        ["bash", str(SCRIPT), str(source), str(target), OWNER],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )


def secret(folder: Path, text: str) -> Path:
    """Write `text` byte for byte as the decrypted secret."""
    path = folder / "join-token"
    path.write_bytes(text.encode())
    return path


def drafts(target: Path) -> list[Path]:
    """List what lies beside the target, hidden files too."""
    return [path for path in target.parent.iterdir() if path != target]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder / "apitoken.secret"


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_good_token_is_delivered_in_one_form(tmp_path: Path, target: Path, text: str) -> None:
    result = deliver(secret(tmp_path, text), target)
    assert (result.returncode, result.stderr) == (0, "")
    assert target.read_text() == f"{TOKEN}\n"
    assert drafts(target) == []


@pytest.mark.parametrize(("text", "complaint"), BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_refused_and_nothing_is_written(
    tmp_path: Path, target: Path, text: str, complaint: str
) -> None:
    source = secret(tmp_path, text)
    result = deliver(source, target)
    assert result.returncode == 1
    assert result.stderr.startswith(f"join token: {source} ")
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not target.exists()
    assert drafts(target) == []


def test_a_missing_secret_is_refused(tmp_path: Path, target: Path) -> None:
    result = deliver(tmp_path / "nowhere", target)
    assert result.returncode == 1
    assert f"{tmp_path / 'nowhere'} does not exist" in result.stderr
    assert not target.exists()


def test_a_refusal_shows_nothing_of_the_token(tmp_path: Path, target: Path) -> None:
    result = deliver(secret(tmp_path, TOKEN + "0"), target)
    assert TOKEN[:8] not in result.stdout + result.stderr


def test_a_refusal_leaves_an_older_token_alone(tmp_path: Path, target: Path) -> None:
    deliver(secret(tmp_path, OTHER), target)
    assert deliver(secret(tmp_path, ""), target).returncode == 1
    assert target.read_text() == f"{OTHER}\n"


def test_only_the_owner_can_read_it(tmp_path: Path, target: Path) -> None:
    deliver(secret(tmp_path, TOKEN), target)
    found = target.stat()
    assert stat.S_IMODE(found.st_mode) == 0o400
    assert found.st_uid == os.getuid()


def test_delivering_twice_changes_nothing(tmp_path: Path, target: Path) -> None:
    source = secret(tmp_path, TOKEN)
    for _ in range(2):
        assert deliver(source, target).returncode == 0
        assert target.read_text() == f"{TOKEN}\n"
        assert stat.S_IMODE(target.stat().st_mode) == 0o400
        assert drafts(target) == []


def test_a_changed_token_and_the_empty_file_of_nixpkgs_are_replaced(tmp_path: Path, target: Path) -> None:
    target.touch()
    deliver(secret(tmp_path, OTHER), target)
    deliver(secret(tmp_path, TOKEN), target)
    assert target.read_text() == f"{TOKEN}\n"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path, target: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not a token")
    target.symlink_to(elsewhere)
    assert deliver(secret(tmp_path, TOKEN), target).returncode == 0
    assert not target.is_symlink()
    assert elsewhere.read_text() == "not a token"


def test_a_folder_in_its_place_is_an_error(tmp_path: Path, target: Path) -> None:
    target.mkdir()
    assert deliver(secret(tmp_path, TOKEN), target).returncode != 0
    assert list(target.iterdir()) == []
    assert drafts(target) == []


def test_missing_folders_are_made_and_may_be_entered(tmp_path: Path) -> None:
    target = tmp_path / "kubernetes" / "secrets" / "apitoken.secret"
    assert deliver(secret(tmp_path, TOKEN), target).returncode == 0
    # certmgr puts certificates beside the token that other users have to read.
    assert stat.S_IMODE(target.parent.stat().st_mode) & 0o111 == 0o111


def test_no_other_program_is_shown_the_token(tmp_path: Path, target: Path) -> None:
    """Put a recorder before every program that the script could call."""
    recorders = tmp_path / "bin"
    recorders.mkdir()
    log = tmp_path / "log"
    for program in ("mktemp", "chown", "chmod", "mv", "rm", "mkdir", "dirname", "cat", "tr", "env", "printf"):
        real = shutil.which(program)
        assert real is not None
        recorder = recorders / program
        recorder.write_text(f'#!/bin/sh\n{{ echo "$0 $*"; export -p; }} >>"{log}"\nexec {real} "$@"\n')
        recorder.chmod(0o755)
    result = deliver(secret(tmp_path, TOKEN), target, path=f"{recorders}:{os.environ['PATH']}")
    assert result.returncode == 0
    assert "mktemp" in log.read_text()
    assert TOKEN not in log.read_text()


def start(source: Path, target: Path, path: str) -> "subprocess.Popen[bytes]":
    """Start the script in a process group of its own, so that it can be killed with all it runs."""
    return subprocess.Popen(
        ["bash", str(SCRIPT), str(source), str(target), OWNER],
        env={**os.environ, "PATH": path},
        start_new_session=True,
    )


def check_after_kill(source: Path, target: Path, before: str | None) -> None:
    """Whole is the old token or the new one, nobody else can read any, and the next run has its way."""
    if target.exists():
        assert target.read_text() in {before, f"{TOKEN}\n"}
        assert stat.S_IMODE(target.stat().st_mode) == 0o400
    else:
        assert before is None
    left = drafts(target)
    assert len(left) <= 1
    for draft in left:
        assert draft.name.startswith(".join-token.")
        assert stat.S_IMODE(draft.stat().st_mode) & 0o077 == 0

    assert deliver(source, target).returncode == 0
    assert target.read_text() == f"{TOKEN}\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o400
    # What a kill left has a token in it, so the next run takes it away.
    assert drafts(target) == []


@pytest.mark.parametrize("before", [None, f"{OTHER}\n"], ids=["first token", "changed token"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("program", ["dirname", "mktemp", "chown", "chmod", "mv"])
def test_killed_around_any_program_it_runs(
    tmp_path: Path, target: Path, program: str, when: str, before: str | None
) -> None:
    source = secret(tmp_path, TOKEN)
    if before is not None:
        deliver(secret(tmp_path, before), target)
        secret(tmp_path, TOKEN)
    killers = tmp_path / "bin"
    killers.mkdir()
    real = f'{shutil.which(program)} "$@"\n' if when == "after" else ""
    (killers / program).write_text(f"#!/bin/sh\n{real}kill -KILL 0\n")
    (killers / program).chmod(0o755)

    killed = start(source, target, f"{killers}:{os.environ['PATH']}")

    assert killed.wait(timeout=60) == -signal.SIGKILL
    is_new = (program, when) == ("mv", "after")
    assert (target.read_text() if target.exists() else None) == (f"{TOKEN}\n" if is_new else before)
    check_after_kill(source, target, before)


def test_killed_by_the_clock(tmp_path: Path, target: Path) -> None:
    source = secret(tmp_path, TOKEN)
    started = time.monotonic()
    deliver(source, target)
    duration = time.monotonic() - started

    for _ in range(30):
        target.unlink(missing_ok=True)
        deliver(secret(tmp_path, OTHER), target)
        process = start(secret(tmp_path, TOKEN), target, os.environ["PATH"])
        time.sleep(random.uniform(0, duration))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
        check_after_kill(source, target, f"{OTHER}\n")
        for draft in drafts(target):
            draft.unlink()


def test_told_to_end_it_takes_its_draft_with_it(tmp_path: Path, target: Path) -> None:
    """SIGTERM is what systemd sends; it comes while `chown` runs, when the draft holds the token."""
    enders = tmp_path / "bin"
    enders.mkdir()
    (enders / "chown").write_text('#!/bin/sh\nkill -TERM "$PPID"\n')
    (enders / "chown").chmod(0o755)
    ended = start(secret(tmp_path, TOKEN), target, f"{enders}:{os.environ['PATH']}")
    assert ended.wait(timeout=60) != 0
    assert not target.exists()
    assert drafts(target) == []


def test_wrong_usage_has_its_own_exit_code() -> None:
    result = subprocess.run(["bash", str(SCRIPT), "only-one"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.split(":")[0]) == (2, "usage")


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="needs shellcheck (Debian package: shellcheck)"
)
def test_shellcheck_has_nothing_to_say() -> None:
    result = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
