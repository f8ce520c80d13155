"""Whatever a machine answers, a judge of machines, secrets and GPUs comes to a verdict and raises nothing."""

from hypothesis import given
from hypothesis import strategies as st

from hybridlab import load_spec, resolve
from hybridlab.live.checks import gpu, machines, secrets
from hybridlab.live.checks.check import CouldNotLook, Failed, Ok, Skipped
from hybridlab.live.probe import Output
from nix.flakes import REPOSITORY

CLUSTER = resolve(load_spec(REPOSITORY / "cluster.yaml"))
CHECKS = [check for phase in (machines, secrets, gpu) for check in phase.checks(CLUSTER)]

# Pieces of what programs really print, so that judges get further than their first line.
_PIECES = (
    *("ActiveState=active", "LoadState=not-found", "SubState=", "=", "NTPSynchronized=no", "ID=nixos"),
    *("400|root|root|33|regular file|", "400|root|", "|", "/run/secrets/k8s/join-token", "No such file"),
    *(
        "0" * 64 + "  x",
        "gfx_target_version 110003",
        "gfx_target_version 99999999999",
        "MemTotal:",
        "4096 kB",
    ),
    *("{", "}", '"card0":', "[1]", "null", '[{"unit": 1}]', '[{"unit": "a.service"}]', "renderD128"),
    *(
        "crw-rw---- 1 root render 226, 128 x",
        "  Device Name   gfx1103",
        "0000:c4:00.0",
        "degraded",
        "1 2 3 4 5 6",
    ),
    *(
        "1 2 3 4 5 6",
        "net.ipv4.ip_forward = 1",
        "Filename",
        "\n",
        "\n",
        "\n",
        "\0",
        "\udcff",
        "²",
        "/nix/store/a",
    ),
)
TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=8), max_size=12).map("".join)
OUTPUTS = st.builds(Output, st.sampled_from([0, 1, 2, 255]), TEXTS, TEXTS)


@given(OUTPUTS, OUTPUTS)
def test_any_answer_comes_to_a_verdict(first: Output, second: Output) -> None:
    for check in CHECKS:
        verdict = check.judge(*(first, second)[: len(check.looks)])

        assert isinstance(verdict, Ok | Failed | Skipped | CouldNotLook)
