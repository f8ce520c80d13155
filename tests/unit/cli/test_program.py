"""The program around the commands: what it says of them without importing them, and how runs end."""

import importlib
import pkgutil
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

import hybridlab
import hybridlab.cli.commands
from hybridlab.cli.commands.show import TOPIC_NAMES
from hybridlab.cli.ending import ExitCode, exit_code_of
from hybridlab.cli.failure import explain
from hybridlab.cli.program import COMMANDS, program
from hybridlab.cli.topics import TOPICS
from hybridlab.errors import LiveError, OutputError


def test_public_names_are_all_there() -> None:
    for name in hybridlab.__all__:
        assert getattr(hybridlab, name) is not None
    assert set(hybridlab.__all__) <= set(dir(hybridlab))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = hybridlab.nonsense


def test_every_command_is_listed_with_its_own_short_help() -> None:
    modules = [module.name for module in pkgutil.iter_modules(hybridlab.cli.commands.__path__)]
    assert sorted(COMMANDS) == sorted(modules)
    for name, short_help in COMMANDS.items():
        command: click.Command = importlib.import_module(f"hybridlab.cli.commands.{name}").command
        assert command.help is not None
        assert command.help.split("\n\n")[0].replace("\n", " ") == short_help


def test_topics_are_those_that_exist() -> None:
    assert tuple(TOPICS) == TOPIC_NAMES


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--version"], 0, f"hybridlab {hybridlab.__version__}\n"),
        (["--help"], 0, "Find every problem of the spec.\n"),
        (["-h"], 0, "HYBRIDLAB_SPEC"),
        (["show", "--help"], 0, "openings"),
        ([], 2, "Usage: hybridlab"),
        (["chekc"], 2, "did you mean 'check'?"),
        (["nonsense"], 2, "nonsense"),
        (["--nonsense"], 2, "--nonsense"),
        (["show", "nodse"], 2, "nodse"),
        (["check", "--format", "xml"], 2, "xml"),
        (["ping", "--count", "0"], 2, "--count"),
        (["generate", "--check", "--force"], 2, "--force has nothing to give up"),
        (["--color", "sometimes", "check"], 2, "sometimes"),
        (["apply", "--contxt", "x"], 2, "--context"),
        (["check", "--spec", "a.yaml"], 2, "--spec goes before the command: hybridlab --spec PATH check\n"),
        (["secrets", "init", "--spec=a"], 2, "before the command: hybridlab --spec PATH secrets init\n"),
        (["ping", "--color", "never"], 2, "--color goes before the command: hybridlab --color"),
        (["check", "a.yaml"], 2, "named with --spec, before the command: hybridlab --spec a.yaml check\n"),
        (["check", "a"], 2, "unexpected extra argument"),
        (["--spec", "a.yaml", "check"], 2, "a.yaml does not exist"),
        (["completion", "bash"], 0, "_HYBRIDLAB_COMPLETE=bash_complete"),
        (["completion", "zsh"], 0, "#compdef hybridlab"),
        (["completion", "fish"], 0, "complete "),
        (["completion", "tcsh"], 2, "tcsh"),
    ],
)
def test_usage(arguments: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(program, arguments, prog_name="hybridlab")

    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert (result.stdout == "") == (code != 0)


def raising(error: BaseException, cause: BaseException | None = None) -> Callable[[], object]:
    def run() -> object:
        try:
            if cause is not None:
                raise cause
        except BaseException:
            raise error from None
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (lambda: None, 0),
        (lambda: ExitCode.DIFFERENT, 3),
        (raising(click.UsageError("x")), 2),
        (raising(click.Abort()), 1),
        (raising(click.Abort(), KeyboardInterrupt()), 130),
        (raising(click.Abort(), EOFError()), 1),
    ],
)
def test_ends_of_a_run(run: Callable[[], object], code: int) -> None:
    assert exit_code_of(run) == code


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OutputError("no \x1b room"), "error: no \\x1b room\n"),
        (LiveError("no answer"), "error: no answer\n"),
        (PermissionError(13, "Permission denied", "/x"), "error: /x: permission denied\n"),
        (KeyError("a"), "error: this is a bug in hybridlab: KeyError: 'a'\n"),
    ],
)
def test_errors_are_said_and_never_a_traceback(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYBRIDLAB_DEBUG", raising=False)

    assert explain(error) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(said)
    assert "Traceback" not in captured.err


def test_bug_shows_its_traceback_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDLAB_DEBUG", "1")
    try:
        raise KeyError("a")
    except KeyError as error:
        explain(error)

    assert "Traceback" in capsys.readouterr().err
