"""The user's ssh against a real sshd: why a machine can not be reached, and that words arrive as they are.

Also that the stand-in machines are what the other tests take them for: processes that end with the machine,
generations, faults.
"""

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridlab import Cluster
from hybridlab.live.probe import Output
from hybridlab.live.ssh import Cause, Ssh, Unreachable
from live.sshd import make_key
from live.standin.lab import Lab, Played, lab, wait_for
from programs import need_program

Nix = Callable[..., str]
ADDRESS = ip_address("10.0.10.5")


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Machines for tests that change nothing in them for good."""
    with lab(cluster, tmp_path_factory.mktemp("shared") / "lab") as running:
        yield running


@pytest.fixture
def host(shared: Lab) -> Iterator[Played]:
    yield shared.machine("homelab")
    shared.machine("homelab").heal()


def why(ssh: Ssh, seconds: float = 20) -> Cause:
    """Return why nothing can be run on the machine."""
    run = ssh.run(ADDRESS, ["true"], seconds=seconds, fresh=True)
    assert isinstance(run, Unreachable), run
    return run.cause


def with_options(ssh: Ssh, *options: str) -> Ssh:
    return Ssh((*ssh.options, *options))


@contextmanager
def sharing(shared: Lab) -> Iterator[Ssh]:
    """An ssh whose commands share a connection, as many people have it; the path of its socket is short."""
    with TemporaryDirectory(prefix="ssh-") as folder:
        ssh = with_options(
            shared.ssh, "-oControlMaster=auto", f"-oControlPath={folder}/%C", "-oControlPersist=60"
        )
        yield ssh
        subprocess.run(["ssh", *ssh.options, "-O", "exit", f"root@{ADDRESS}"], check=True, timeout=20)


def know(shared: Lab, tmp_path: Path, lines: str) -> Ssh:
    """Return an ssh whose known hosts are these lines."""
    (tmp_path / "known").write_text(lines)
    return with_options(shared.ssh, f"-oUserKnownHostsFile={tmp_path / 'known'}")


def test_a_command_runs_as_root_on_its_machine(shared: Lab) -> None:
    assert shared.ssh.run(ADDRESS, ["id", "-u"], seconds=20) == Output(0, "0\n")
    for name, address in (("homelab", "10.0.20.5"), ("k8s-worker-2", "10.0.20.12")):
        assert shared.ssh.run(ip_address(address), ["uname", "-n"], seconds=20) == Output(0, f"{name}\n")


def test_status_output_and_errors_come_back(shared: Lab) -> None:
    run = shared.ssh.run(ADDRESS, ["sh", "-c", "cat; echo e >&2; exit 7"], seconds=20, given="in\r\nput")
    assert run == Output(7, "in\r\nput", "e\n")


def test_a_host_key_that_is_not_known(shared: Lab, tmp_path: Path) -> None:
    assert why(know(shared, tmp_path, "")) is Cause.UNKNOWN_KEY


def test_a_host_key_that_has_changed(shared: Lab, tmp_path: Path) -> None:
    assert why(know(shared, tmp_path, f"{ADDRESS} {make_key(tmp_path / 'other')}\n")) is Cause.CHANGED_KEY


@pytest.mark.parametrize("option", ["StrictHostKeyChecking=no", "StrictHostKeyChecking=accept-new"])
def test_no_option_of_the_user_makes_it_less_strict(shared: Lab, tmp_path: Path, option: str) -> None:
    ssh = with_options(know(shared, tmp_path, ""), "-o", option)
    assert why(ssh) is Cause.UNKNOWN_KEY
    assert (tmp_path / "known").read_text() == ""


def test_a_machine_that_was_installed_anew(example: Lab) -> None:
    example.machine("homelab").new_host_key()
    assert why(example.ssh) is Cause.CHANGED_KEY
    example.know(example.machines)
    assert example.ssh.run(ADDRESS, ["true"], seconds=20) == Output(0, "")


def test_a_key_that_is_not_let_in(shared: Lab, host: Played) -> None:
    authorized = host.folder / "sshd/authorized"
    keys = authorized.read_text()
    authorized.write_text("")
    try:
        assert why(shared.ssh) is Cause.DENIED
    finally:
        authorized.write_text(keys)


def test_nobody_listens(shared: Lab, host: Played) -> None:
    host.close_port()
    try:
        assert why(shared.ssh) is Cause.REFUSED
    finally:
        host.open_port()


def test_a_machine_that_accepts_and_says_nothing(example: Lab) -> None:
    example.machine("homelab").hang()
    assert why(with_options(example.ssh, "-oConnectTimeout=1")) is Cause.SILENT


def test_an_address_that_nobody_has(shared: Lab) -> None:
    """Nothing but the lab can be reached with its configuration: no test leaves this machine."""
    run = shared.ssh.run(ip_address("10.0.10.77"), ["true"], seconds=20)
    assert isinstance(run, Unreachable) and run.cause is Cause.REFUSED


def test_a_command_that_takes_too_long(shared: Lab) -> None:
    run = shared.ssh.run(ADDRESS, ["sh", "-c", "echo so far; exec sleep 60"], seconds=2)
    assert isinstance(run, Unreachable)
    assert (run.cause, run.stdout) == (Cause.SILENT, "so far\n")


def test_a_connection_that_is_cut(shared: Lab, host: Played) -> None:
    host.plant("cat", "hosts", "cut")
    run = shared.ssh.run(ADDRESS, ["sh", "-c", "echo so far; cat /etc/hosts"], seconds=20)
    assert isinstance(run, Unreachable)
    assert (run.cause, run.stdout) == (Cause.CUT, "so far\n")


def test_what_a_program_says_is_no_reason(shared: Lab, host: Played) -> None:
    """A cut connection is cut, even if what ran there had been refused something."""
    host.plant("cat", does="cut")
    said = "curl: (7) Connection refused"
    run = shared.ssh.run(ADDRESS, ["sh", "-c", f"echo '{said}' >&2; sleep 0.2; cat /etc/hosts"], seconds=20)
    assert isinstance(run, Unreachable) and run.cause is Cause.CUT


def test_a_connection_that_falls_silent(shared: Lab, host: Played) -> None:
    """At our log level ssh does not say whether it was that, or cut."""
    host.plant("cat", does="freeze")
    ssh = with_options(shared.ssh, "-oServerAliveInterval=1", "-oServerAliveCountMax=1")
    run = ssh.run(ADDRESS, ["cat", "/etc/hosts"], seconds=20)
    assert isinstance(run, Unreachable) and run.cause is Cause.CUT


def test_an_answer_that_is_lost(shared: Lab, host: Played) -> None:
    """What was to be done is done, and nobody here knows."""
    host.plant("session", "touch", "lost")
    run = shared.ssh.run(ADDRESS, ["touch", "/tmp/done"], seconds=20)
    assert isinstance(run, Unreachable) and run.cause is Cause.CUT
    assert (host.root / "tmp/done").exists()


def test_each_connection_is_a_new_one_unless_the_user_shares_them(shared: Lab, host: Played) -> None:
    """With ControlMaster a second command uses the first one's connection, but not if it has to be fresh."""
    before = host.logins
    with sharing(shared) as ssh:
        for fresh, more in ((False, 1), (False, 1), (True, 2)):
            assert ssh.run(ADDRESS, ["true"], seconds=20, fresh=fresh) == Output(0, "")
            assert host.logins == before + more


# What ssh can carry: anything but NUL, in UTF-8.
WORDS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    | st.sampled_from(["", "'", '"', "\n", "$HOME", "$(id)", "`id`", "\\", "!x", "*", "~", "-n", "a'b\"c\n"]),
    max_size=6,
)


def test_words_arrive_as_they_are(shared: Lab) -> None:
    """Through ssh, sshd, the login shell and `sh` nothing is expanded, joined or split."""
    script = 'for word; do printf "%s\\0" "$word"; done'

    @settings(max_examples=60)
    @given(words=WORDS)
    def they_do(words: list[str]) -> None:
        run = ssh.run(ADDRESS, ["sh", "-c", script, "sh", *words], seconds=20)
        assert run == Output(0, "".join(f"{word}\0" for word in words))

    with sharing(shared) as ssh:
        they_do()


class TestStandIn:
    """What the other tests rely on."""

    def test_a_reboot_ends_everything(self, example: Lab) -> None:
        """Connections, what runs in the background, and what lies in memory; what lies on disk stays."""
        host = example.machine("homelab")
        start = ["systemd-run", "--unit=long", "--collect", "sh", "-c", "exec setsid /standin/bin/sleep 1000"]
        assert example.ssh.run(ADDRESS, start, seconds=20).__class__ is Output
        is_active = ["systemctl", "is-active", "long"]
        assert example.ssh.run(ADDRESS, is_active, seconds=20) == Output(0, "active\n")
        script = "touch /run/in-memory /tmp/on-disk; reboot; echo not reached"
        run = example.ssh.run(ADDRESS, ["sh", "-c", script], seconds=20)
        assert isinstance(run, Unreachable) and run.cause in (Cause.CUT, Cause.REFUSED)
        host.wait_up()
        assert (host.boots, host.logins) == (2, 3)
        assert example.ssh.run(ADDRESS, is_active, seconds=20) == Output(4, "inactive\n")
        assert not (host.root / "run/in-memory").exists()
        assert (host.root / "tmp/on-disk").exists()

    def test_a_machine_that_is_off_refuses(self, example: Lab) -> None:
        host = example.machine("homelab")
        host.power_off()
        assert why(example.ssh) is Cause.REFUSED
        host.power_on()
        assert example.ssh.run(ADDRESS, ["true"], seconds=20) == Output(0, "")

    def test_a_second_unit_of_the_same_name_is_refused(self, shared: Lab) -> None:
        start = ["systemd-run", "--unit=once", "--collect", "--quiet", "/bin/sh", "-c", "while :; do :; done"]
        assert shared.ssh.run(ADDRESS, start, seconds=20) == Output(0, "")
        again = shared.ssh.run(ADDRESS, start, seconds=20)
        assert isinstance(again, Output) and again.status == 1 and "already loaded" in again.stderr
        assert shared.ssh.run(ADDRESS, ["systemctl", "stop", "once"], seconds=20) == Output(0, "")
        assert shared.ssh.run(ADDRESS, start, seconds=20) == Output(0, "")
        kill = ["systemctl", "kill", "--signal=KILL", "once"]
        assert shared.ssh.run(ADDRESS, kill, seconds=20) == Output(0, "")

    def test_a_unit_ends_with_what_it_has_to_run_last(self, shared: Lab, host: Played) -> None:
        """Also if it is killed; and its words are the journal's."""
        last = "--property=ExecStopPost=/bin/sh -c 'echo last words'"
        script = "echo first words; while :; do :; done"
        start = ["systemd-run", "--unit=post", "--collect", last, "/bin/sh", "-c", script]
        assert shared.ssh.run(ADDRESS, start, seconds=20) == Output(0, "", "Running as unit: post.service\n")
        shared.ssh.run(ADDRESS, ["systemctl", "kill", "--signal=SIGKILL", "post"], seconds=20)
        wait_for(lambda: "post.service" not in host.state["transient"], "the unit is gone")
        said = shared.ssh.run(ADDRESS, ["journalctl", "--unit=post", "--output=cat"], seconds=20)
        assert said == Output(0, "first words\nlast words\n")

    @pytest.mark.parametrize(
        ("action", "runs", "starts_with"),
        [
            ("dry-activate", "old", "old"),
            ("test", "new", "old"),
            ("boot", "old", "new"),
            ("switch", "new", "new"),
        ],
    )
    def test_what_switch_to_configuration_changes(
        self, example: Lab, action: str, runs: str, starts_with: str
    ) -> None:
        """What runs, and what the boot loader has; never the profile. A restart brings the latter."""
        host = example.machine("homelab")
        systems = {"old": host.current_system, "new": host.add_system("second")}
        program = f"{systems['new']}/bin/switch-to-configuration"
        run = example.ssh.run(ADDRESS, [program, action], seconds=20)
        assert isinstance(run, Output) and run.status == 0
        assert host.current_system == systems[runs]
        assert host.boot_default == systems[starts_with]
        assert host.profile == systems["old"]
        example.ssh.run(ADDRESS, ["reboot"], seconds=20)
        host.wait_up()
        assert host.current_system == systems[starts_with]

    def test_generations(self, shared: Lab, host: Played) -> None:
        """As nix-env counts them: setting what is the last one already makes no new one."""
        old, new = host.current_system, host.add_system("second")
        profile = "/nix/var/nix/profiles/system"

        def nix_env(*words: str) -> Output | Unreachable:
            return shared.ssh.run(ADDRESS, ["nix-env", "--profile", profile, *words], seconds=20)

        assert nix_env("--set", new) == nix_env("--set", new) == Output(0, "")
        assert (host.generations, host.profile) == ({1: old, 2: new}, new)
        assert nix_env("--rollback") == Output(0, "")
        assert host.profile == old
        gone = nix_env("--switch-generation", "7")
        assert gone == Output(1, "", "error: profile version 7 does not exist\n")

    def test_what_holds_while_a_system_runs_is_undone_with_it(self, example: Lab) -> None:
        """As a firewall that lets nobody in, or a unit that does not come up."""
        host = example.machine("homelab")
        broken = {"ActiveState": "failed", "SubState": "failed"}
        bad = host.add_system("bad", ssh=False, state={"units": {"sshd.service": broken}})
        old = host.current_system
        script = f"{bad}/bin/switch-to-configuration test; sleep 2; {old}/bin/switch-to-configuration test"
        start = ["systemd-run", "--unit=try", "--collect", "/bin/sh", "-c", f"PATH=/standin/bin; {script}"]
        example.ssh.run(ADDRESS, start, seconds=20)
        wait_for(lambda: why_or_none(example.ssh) is Cause.REFUSED, "nobody is let in")
        assert host.state["units"]["sshd.service"]["ActiveState"] == "failed"
        wait_for(lambda: why_or_none(example.ssh) is None, "the old system lets in")
        assert host.state["units"]["sshd.service"]["ActiveState"] == "active"

    def test_two_activations_at_once(self, shared: Lab, host: Played) -> None:
        slow = host.add_system("slow", seconds=2)
        words = [f"{slow}/bin/switch-to-configuration", "test"]
        with subprocess.Popen(shared.ssh.command(ADDRESS, words), stderr=subprocess.DEVNULL) as first:
            wait_for(lambda: host.ran("switch-to-configuration"), "the first has begun")
            assert shared.ssh.run(ADDRESS, words, seconds=20) == Output(11, "", "Could not acquire lock\n")
            assert first.wait(timeout=20) == 0

    def test_a_program_that_nobody_plays(self, shared: Lab, host: Played) -> None:
        run = shared.ssh.run(ADDRESS, ["shim", "no-such-program"], seconds=20)
        assert isinstance(run, Output) and run.status == Output.NOT_FOUND
        assert host.unplayed == ("no-such-program",)

    @pytest.mark.parametrize("program", ["/usr/bin/systemctl", "mount", "umount", "chroot"])
    def test_nothing_of_this_machine_is_in_its_path(self, shared: Lab, program: str) -> None:
        """A real program that would act on what is really here is not found by its name."""
        name = Path(program).name
        found = shared.ssh.run(ADDRESS, ["sh", "-c", f"command -v {name}"], seconds=20)
        assert isinstance(found, Output) and found.stdout.strip() in ("", f"/standin/bin/{name}")

    def test_a_slow_link(self, shared: Lab, host: Played) -> None:
        host.delay(0.5)
        try:
            begin = time.monotonic()
            assert shared.ssh.run(ADDRESS, ["true"], seconds=20) == Output(0, "")
            assert time.monotonic() - begin >= 0.5
        finally:
            host.delay(0)

    def test_a_fault_befalls_as_often_as_it_is_told(self, shared: Lab, host: Played) -> None:
        host.plant("cat", "hostname", status=5, stderr="broken\n", times=2, skip=1)
        statuses = [shared.ssh.run(ADDRESS, ["cat", "/etc/hostname"], seconds=20) for _ in range(4)]
        fine, broken = Output(0, "homelab\n"), Output(5, "", "broken\n")
        assert statuses == [fine, broken, broken, fine]

    def test_a_write_stays_in_the_machine(self, shared: Lab, host: Played) -> None:
        """Even through a link with an absolute target, which means another place out here."""
        host.write("/run/current-system/mark", "here\n")
        assert shared.ssh.run(ADDRESS, ["cat", f"{host.current_system}/mark"], seconds=20) == Output(
            0, "here\n"
        )
        assert not Path(host.current_system).exists()

    def test_nix_copies_into_it(self, shared: Lab, host: Played, tmp_path: Path, nix: Nix) -> None:
        """The real Nix on both ends, over the same ssh."""
        (tmp_path / "thing").mkdir()
        (tmp_path / "thing/file").write_text("copied\n")
        path = nix("store", "add-path", str(tmp_path / "thing"))
        nix("copy", "--no-check-sigs", "--to", f"ssh://root@{ADDRESS}", path)
        assert (host.machine.path(path) / "file").read_text() == "copied\n"
        check = ["nix-store", "--check-validity", "--print-invalid", path, f"{path}-not"]
        assert shared.ssh.run(ADDRESS, check, seconds=20) == Output(0, f"{path}-not\n")


def why_or_none(ssh: Ssh) -> Cause | None:
    """Return why nothing can be run, None if something can."""
    run = ssh.run(ADDRESS, ["true"], seconds=20, fresh=True)
    return run.cause if isinstance(run, Unreachable) else None


@pytest.fixture
def nix(shared: Lab, tmp_path: Path) -> Nix:
    """Return what runs Nix with a store of the test's own, and returns what it prints."""

    def run(*words: str) -> str:
        store = ("--store", str(tmp_path / "store"), "--extra-experimental-features", "nix-command")
        return subprocess.run(
            [need_program("nix"), *store, *words],
            env=dict(shared.ssh.environment),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.strip()

    return run


def test_the_command_can_be_read_by_people(shared: Lab) -> None:
    """What ssh gets is one word that a shell takes apart again."""
    words = ["printf", "%s", "it's"]
    assert shlex.split(shared.ssh.command(ADDRESS, words)[-1]) == words
