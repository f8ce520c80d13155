"""GPUs for pods, passthrough and their variables: who gets one, and who is told why not, once."""

import pytest

from patched import report

KEY = "age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf"


def second(model: str, labels: str = "{gpu: amd}") -> str:
    """Return a patch with a second host that has a GPU."""
    return f"""
hosts:
  second:
    uplink: enp1s0
    addresses: {{services: 10.0.20.6}}
    cpus: 16
    memory: 64GiB
    gpu: {{model: {model}}}
    kubernetes: {{role: worker, labels: {labels}}}
secrets: {{recipients: {{second: {KEY}}}}}
"""


def ollama(name: str, gpus: int, selector: str = "{gpu: amd}") -> str:
    return (
        f"  {name}: {{type: ollama, namespace: {name}, models: /var/lib/{name}, gpus: {gpus}, "
        f"nodeSelector: {selector}}}\n"
    )


PASSTHROUGH = 'passthrough: {address: "0000:c4:00.0", ids: ["1002:1900"], guest: k8s-worker-1}'

CASES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "no selector: any node with a GPU": ("workloads: {ollama: {nodeSelector: null}}", []),
    "the GPU is off: said once for workload and plugin each": (
        'hosts: {homelab: {gpu: {mode: "off"}}}',
        [("GPU001", "workloads.ollama.gpus"), ("GPU005", "workloads.amd-gpu-device-plugin")],
    ),
    "there are no GPUs of this model": (
        "hosts: {homelab: {gpu: {count: 0}}}",
        [("GPU001", "workloads.ollama.gpus"), ("GPU005", "workloads.amd-gpu-device-plugin")],
    ),
    "a second host has a GPU, the first only the label": (
        second("radeon-rx-7900-xtx").replace("hosts:", "hosts:\n  homelab: {gpu: null}"),
        [],
    ),
    "two workloads, two hosts": (second("radeon-780m") + "workloads:\n" + ollama("small", 1), []),
    "three workloads, two hosts": (
        second("radeon-780m") + "workloads:\n" + ollama("a", 1) + ollama("b", 1),
        [("GPU003", "workloads.ollama.gpus")],
    ),
    "two workloads bound to one of two hosts": (
        second("radeon-780m")
        + "workloads:\n"
        + ollama("a", 1, "{kubernetes.io/hostname: homelab}")
        + ollama("b", 1, "{kubernetes.io/hostname: homelab}")
        + "  ollama: {gpus: 0}",
        [("GPU003", "workloads.b.gpus")],
    ),
    "two bound to one host are short, a third is not to blame": (
        second("radeon-780m")
        + "workloads:\n"
        + ollama("a", 1, "{kubernetes.io/hostname: homelab}")
        + ollama("b", 1, "{kubernetes.io/hostname: homelab}"),
        [("GPU003", "workloads.b.gpus")],
    ),
    "one GPU each, but the free workload finds none left": (
        second("radeon-780m")
        + "workloads:\n"
        + ollama("a", 1, "{kubernetes.io/hostname: homelab}")
        + ollama("b", 1, "{kubernetes.io/hostname: second}"),
        [("GPU003", "workloads.ollama.gpus")],
    ),
    "GPUs of several hosts do not add up for one pod": (
        second("radeon-780m") + "workloads: {ollama: {gpus: 2}}",
        [("GPU002", "workloads.ollama.gpus")],
    ),
    "a workload that asks for too many does not take from others": (
        "workloads:\n  ollama: {gpus: 2}\n" + ollama("small", 1),
        [("GPU002", "workloads.ollama.gpus")],
    ),
    "no plugin: one finding for all workloads": (
        second("radeon-780m") + "workloads:\n  amd-gpu-device-plugin: null\n" + ollama("small", 1),
        [("GPU004", "workloads.ollama.gpus")],
    ),
    "a plugin on another node": (
        second("radeon-780m", "{gpu: other}")
        + "workloads: {amd-gpu-device-plugin: {nodeSelector: {gpu: other}}}",
        [("GPU004", "workloads.ollama.gpus")],
    ),
    "a plugin that selects a node without GPU": (
        """
guests: {k8s-worker-1: {kubernetes: {labels: {gpu: none}}}}
workloads: {ollama: {gpus: 0}, amd-gpu-device-plugin: {nodeSelector: {gpu: none}}}
""",
        [("GPU005", "workloads.amd-gpu-device-plugin.nodeSelector")],
    ),
    "a plugin for a host that takes no pods": (
        "hosts: {homelab: {kubernetes: {schedulable: false}}}\nworkloads: {ollama: null}",
        [("GPU005", "workloads.amd-gpu-device-plugin")],
    ),
    "a plugin for a host that is no node": (
        "hosts: {homelab: {kubernetes: null}}\nworkloads: {ollama: null}",
        [("GPU005", "workloads.amd-gpu-device-plugin")],
    ),
    "three plugins on one node": (
        """
workloads:
  b: {type: amd-gpu-device-plugin, nodeSelector: {gpu: amd}}
  c: {type: amd-gpu-device-plugin}
""",
        [("GPU006", "workloads.b"), ("GPU006", "workloads.c")],
    ),
    "passthrough, and the workloads have another host's GPU": (
        second("radeon-780m").replace(
            "hosts:", f"hosts:\n  homelab: {{gpu: {{mode: passthrough, {PASSTHROUGH}}}}}"
        ),
        [],
    ),
    "passthrough, and a plugin that does not select the host": (
        f"""
hosts: {{homelab: {{gpu: {{mode: passthrough, {PASSTHROUGH}}}}}}}
guests: {{k8s-worker-1: {{kubernetes: {{labels: {{gpu: none}}}}}}}}
workloads: {{ollama: null, amd-gpu-device-plugin: {{nodeSelector: {{gpu: none}}}}}}
""",
        [("GPU005", "workloads.amd-gpu-device-plugin.nodeSelector")],
    ),
    "passthrough on a host that is no node": (
        f"""
hosts: {{homelab: {{kubernetes: null, gpu: {{mode: passthrough, {PASSTHROUGH}}}}}}}
workloads: {{ollama: null, amd-gpu-device-plugin: null}}
""",
        [],
    ),
    "passthrough, and only a plugin that looks for GPUs by itself": (
        f"""
hosts: {{homelab: {{gpu: {{mode: passthrough, {PASSTHROUGH}}}}}}}
workloads: {{ollama: null}}
""",
        [("GPU007", "hosts.homelab.gpu.mode")],
    ),
    "passthrough without any settings": (
        """
hosts: {homelab: {gpu: {mode: passthrough}}}
workloads: {ollama: null, amd-gpu-device-plugin: null}
""",
        [("GPU008", "hosts.homelab.gpu.mode")],
    ),
    "passthrough without ids": (
        """
hosts:
  homelab:
    gpu: {mode: passthrough, passthrough: {address: "0000:c4:00.0", ids: [], guest: k8s-worker-1}}
workloads: {ollama: null, amd-gpu-device-plugin: null}
""",
        [("GPU008", "hosts.homelab.gpu.passthrough")],
    ),
    "settings for later need no guest": (
        'hosts: {homelab: {gpu: {passthrough: {address: "0000:c4:00.0", ids: ["1002:15BF"]}}}}',
        [],
    ),
    "chips that work with one value": (second("radeon-rx-7900-xtx"), []),
    "chips that need different values, each for its own workload": (
        second("radeon-rx-6800", "{gpu: big}") + "workloads:\n" + ollama("big", 1, "{gpu: big}"),
        [],
    ),
    "different chips do not matter without GPUs": (
        second("radeon-rx-6800") + "workloads: {ollama: {gpus: 0}}",
        [],
    ),
    "a chip's own version changes nothing": (
        "hosts: {homelab: {gpu: {model: radeon-rx-6800}}}\n"
        "workloads: {ollama: {env: {HSA_OVERRIDE_GFX_VERSION: 10.3.0}}}",
        [],
    ),
    "another chip's version": (
        "hosts: {homelab: {gpu: {model: radeon-rx-6800}}}\n"
        "workloads: {ollama: {env: {HSA_OVERRIDE_GFX_VERSION: 11.0.0}}}",
        [("GPU012", "workloads.ollama.env.HSA_OVERRIDE_GFX_VERSION")],
    ),
    "an integrated GPU that is switched off": (
        'workloads: {ollama: {env: {OLLAMA_IGPU_ENABLE: "0"}}}',
        [("GPU012", "workloads.ollama.env.OLLAMA_IGPU_ENABLE")],
    ),
    "a switch in words": ('workloads: {ollama: {env: {OLLAMA_IGPU_ENABLE: "True"}}}', []),
    "a switch in other words": (
        'workloads: {ollama: {env: {OLLAMA_IGPU_ENABLE: "yes"}}}',
        [("GPU012", "workloads.ollama.env.OLLAMA_IGPU_ENABLE")],
    ),
    "variables of a workload on the CPU are its own": (
        "workloads: {ollama: {gpus: 0, env: {HSA_OVERRIDE_GFX_VERSION: 9.0.0}}}",
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_finds(case: str) -> None:
    patch, expected = CASES[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


def test_passthrough_names_every_workload_that_needs_the_gpu() -> None:
    (found,) = report(f"hosts: {{homelab: {{gpu: {{mode: passthrough, {PASSTHROUGH}}}}}}}")
    assert [str(other.path) for other in found.related] == [
        "workloads.amd-gpu-device-plugin",
        "workloads.ollama",
    ]
    assert found.message == (
        "the GPU of host 'homelab' has mode passthrough, and workload 'amd-gpu-device-plugin' and "
        "workload 'ollama' need it on the host"
    )


MESSAGES = {
    "why there is no GPU, node by node": (
        """
guests: {k8s-worker-1: {kubernetes: {labels: {gpu: amd}}}}
hosts: {homelab: {gpu: null}}
workloads: {amd-gpu-device-plugin: null}
""",
        "workload 'ollama' asks for 1 GPU, and none of its nodes has any for pods: "
        "host 'homelab' has no key 'gpu' and guest 'k8s-worker-1' is a MicroVM",
    ),
    "a host that takes no pods": (
        "hosts: {homelab: {kubernetes: {schedulable: false}}}\nworkloads: {ollama: null}",
        "workload 'amd-gpu-device-plugin' has no node with a GPU for pods: host 'homelab' takes no pods",
    ),
    "a guest that the plugin selects": (
        """
guests: {k8s-worker-1: {kubernetes: {labels: {gpu: none}}}}
workloads: {ollama: {gpus: 0}, amd-gpu-device-plugin: {nodeSelector: {gpu: none}}}
""",
        "workload 'amd-gpu-device-plugin' has no node with a GPU for pods: guest 'k8s-worker-1' is a MicroVM",
    ),
    "no host is a node": (
        "hosts: {homelab: {kubernetes: null}}\nworkloads: {ollama: null}",
        "workload 'amd-gpu-device-plugin' has no node with a GPU for pods: no host is a node of Kubernetes",
    ),
    "where the plugin runs instead": (
        second("radeon-780m", "{gpu: other}")
        + "workloads: {amd-gpu-device-plugin: {nodeSelector: {gpu: other}}}",
        "workload 'ollama' asks for 1 GPU of host 'homelab', where no device plugin runs: "
        "workload 'amd-gpu-device-plugin' runs on host 'second'",
    ),
    "what is missing for passthrough": (
        """
hosts: {homelab: {gpu: {mode: passthrough}}}
workloads: {ollama: null, amd-gpu-device-plugin: null}
""",
        "the GPU of host 'homelab' has mode passthrough, and hosts.homelab.gpu.passthrough has no "
        "address, ids and guest",
    ),
    "several hosts have too few": (
        second("radeon-780m") + "workloads:\n" + ollama("a", 1) + ollama("b", 1),
        "workload 'a', workload 'b' and workload 'ollama' together ask for 3 GPUs, and host 'homelab' and "
        "host 'second' have 2",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_says(case: str) -> None:
    patch, message = MESSAGES[case]
    (found,) = report(patch)
    assert found.message == message


HINTS = {
    "what passthrough is made of": (
        """
hosts: {homelab: {gpu: {mode: passthrough}}}
workloads: {ollama: null, amd-gpu-device-plugin: null}
""",
        "add passthrough: address and ids as lspci -D -n shows them, and the guest",
    ),
    "ids to be filled in": (
        """
hosts:
  homelab:
    gpu: {mode: passthrough, passthrough: {address: "0000:c4:00.0", ids: [], guest: k8s-worker-1}}
workloads: {ollama: null, amd-gpu-device-plugin: null}
""",
        "add them, or set the mode to host or off",
    ),
    "ids of something else altogether": (
        'hosts: {homelab: {gpu: {passthrough: {address: "0000:c4:00.0", ids: ["8086:abcd"]}}}}',
        "a radeon-780m has 1002:15bf and 1002:1900; see lspci -n",
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_suggests(case: str) -> None:
    patch, hint = HINTS[case]
    (found,) = report(patch)
    assert found.hint == hint
