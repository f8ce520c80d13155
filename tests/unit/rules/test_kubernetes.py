"""Kubernetes, workloads and capacity: boundaries, near misses, and one cause once."""

import pytest

from patched import report

NODE = "host: homelab, vlan: services, vcpus: 1, memory: 1GiB"
MORE_NODES = f"""
guests:
  w2: {{{NODE}, address: 10.0.20.22, kubernetes: {{role: worker}}}}
secrets: {{recipients: {{w2: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf}}}}
"""
NO_KUBERNETES = """
kubernetes: null
workloads: null
secrets: null
hosts: {homelab: {kubernetes: null}}
guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}
"""

CASES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "no Kubernetes at all": (NO_KUBERNETES, []),
    "Kubernetes without any node": (
        """
hosts: {homelab: {kubernetes: null}}
guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}
workloads: null
""",
        [("K8S001", "kubernetes")],
    ),
    "a cluster of one node that takes pods": (
        """
hosts: {homelab: {kubernetes: {role: control-plane, schedulable: true}}}
guests: {k8s-master: null, k8s-worker-1: null}
""",
        [],
    ),
    "a cluster of one node that takes none: no finding for each workload": (
        """
hosts: {homelab: {kubernetes: {role: control-plane}}}
guests: {k8s-master: null, k8s-worker-1: null}
""",
        [("K8S003", "kubernetes")],
    ),
    "three control planes": (
        """
hosts: {homelab: {kubernetes: {role: control-plane, schedulable: true}}}
guests: {k8s-worker-1: {kubernetes: {role: control-plane}}}
""",
        [
            ("K8S002", "guests.k8s-master.kubernetes.role"),
            ("K8S002", "guests.k8s-worker-1.kubernetes.role"),
        ],
    ),
    "services in a /24": ("kubernetes: {serviceCidr: 10.96.5.0/24}", []),
    "services in one address": (
        "kubernetes: {serviceCidr: 10.96.5.7/32}",
        [("K8S004", "kubernetes.serviceCidr")],
    ),
    "pods in a /24, for three nodes": (
        "kubernetes: {podCidr: 10.244.0.0/24}",
        [("K8S005", "kubernetes.podCidr")],
    ),
    "pods in less than a /24": (
        "kubernetes: {podCidr: 10.244.0.0/30}",
        [("K8S005", "kubernetes.podCidr")],
    ),
    "pods in less than a /24, for one node": (
        """
hosts: {homelab: {kubernetes: {role: control-plane, schedulable: true}}}
guests: {k8s-master: null, k8s-worker-1: null}
kubernetes: {podCidr: 10.244.0.0/25}
""",
        [("K8S005", "kubernetes.podCidr")],
    ),
    "as many /24 as nodes": (MORE_NODES + "kubernetes: {podCidr: 10.244.0.0/22}", []),
    "everything IPv6: one finding for each network": (
        """
networks:
  vlans: {services: {cidr: "fd00:20::/64", gateway: "fd00:20::1"}}
hosts: {homelab: {addresses: {services: "fd00:20::5"}}}
guests: {k8s-master: {address: "fd00:20::10"}, k8s-worker-1: {address: "fd00:20::11"}}
kubernetes: {podCidr: "fd00:244::/56", serviceCidr: "fd00:96::/112"}
""",
        [
            ("K8S006", "kubernetes.podCidr"),
            ("K8S006", "kubernetes.serviceCidr"),
            ("K8S006", "kubernetes.vlan"),
        ],
    ),
    "labels that a kubelet may set": (
        """
guests:
  k8s-worker-1:
    kubernetes:
      labels:
        topology.kubernetes.io/zone: a
        node.kubernetes.io/instance-type: vm
        beta.kubernetes.io/instance-type: vm
        failure-domain.beta.kubernetes.io/region: r
        x.node.kubernetes.io/name: z
        kubelet.kubernetes.io/name: z
        kubernetes.io/os: linux
        kubernetes.io: a-name-without-prefix
        notkubernetes.io/name: z
        amd.com/gpu.family: none
""",
        [],
    ),
    "labels that it may not": (
        """
guests:
  k8s-worker-1:
    kubernetes:
      labels: {kubernetes.io/name: z, k8s.io/name: z, x.k8s.io/name: z, topology.kubernetes.io/rack: r}
""",
        [
            ("K8S007", f"guests.k8s-worker-1.kubernetes.labels.{key}")
            for key in ("kubernetes.io/name", "k8s.io/name", "x.k8s.io/name", "topology.kubernetes.io/rack")
        ],
    ),
    "the architecture of another machine": (
        "hosts: {homelab: {kubernetes: {labels: {kubernetes.io/arch: arm64}}}}",
        [("K8S008", "hosts.homelab.kubernetes.labels.kubernetes.io/arch")],
    ),
    "a GPU's taint keeps nobody away who asks for the GPU": (
        'hosts: {homelab: {kubernetes: {taints: ["amd.com/gpu=true:NoSchedule", "quiet:NoExecute"]}}}',
        [],
    ),
    "and everybody else": (
        """
hosts: {homelab: {kubernetes: {taints: ["amd.com/gpu=true:NoSchedule"]}}}
workloads: {ollama: {gpus: 0}}
""",
        [("WKL002", "workloads.ollama.nodeSelector")],
    ),
    "a taint that only prefers other nodes": (
        """
hosts: {homelab: {kubernetes: {taints: ["gpu:PreferNoSchedule"]}}}
workloads: {ollama: {gpus: 0}}
""",
        [],
    ),
    "taints on all nodes, which the cluster's DNS does not tolerate": (
        """
hosts: {homelab: {kubernetes: {taints: ["amd.com/gpu=true:NoSchedule"]}}}
guests: {k8s-worker-1: {kubernetes: {taints: ["disk=slow:NoExecute"]}}}
""",
        [("K8S003", "kubernetes")],
    ),
    "one key with two effects": (
        'guests: {k8s-worker-1: {kubernetes: {taints: ["a:NoExecute", "a=b:NoSchedule"]}}}',
        [],
    ),
    "several labels missing: the whole selector": (
        "workloads: {ollama: {nodeSelector: {disk: fast, rack: a}}}",
        [("WKL001", "workloads.ollama.nodeSelector")],
    ),
    "a plugin that selects nothing is not reported twice": (
        "workloads: {amd-gpu-device-plugin: {nodeSelector: {gpus: amd}}}",
        [("WKL001", "workloads.amd-gpu-device-plugin.nodeSelector.gpus")],
    ),
    "selecting by a label that every kubelet sets": (
        "workloads: {ollama: {nodeSelector: {kubernetes.io/hostname: homelab}}}",
        [],
    ),
    "the first and the last NodePort": ("workloads: {ollama: {expose: {nodePort: 30000}}}", []),
    "one below": (
        "workloads: {ollama: {expose: {nodePort: 29999}}}",
        [("WKL003", "workloads.ollama.expose.nodePort")],
    ),
    "one above": (
        "workloads: {ollama: {expose: {nodePort: 32768}}}",
        [("WKL003", "workloads.ollama.expose.nodePort")],
    ),
    "the namespace kubernetes is not kube-": ("workloads: {ollama: {namespace: kubernetes}}", []),
    "the default namespace": (
        "workloads: {ollama: {namespace: default}}",
        [("WKL008", "workloads.ollama.namespace")],
    ),
    "the kubelet's own folder": (
        "workloads: {ollama: {models: /var/lib/kubernetes/models}}",
        [("WKL009", "workloads.ollama.models")],
    ),
    "a system folder of a guest: its loss is not the point": (
        "workloads: {ollama: {gpus: 0, nodeSelector: null, models: /etc/models}}",
        [("WKL009", "workloads.ollama.models")],
    ),
    "a folder with a system folder's name in front": ("workloads: {ollama: {models: /etcetera}}", []),
    "a folder of a host outlives a restart": ("workloads: {ollama: {models: /srv/models}}", []),
    "but not in /run": (
        "workloads: {ollama: {models: /run/models}}",
        [("WKL010", "workloads.ollama.models")],
    ),
    "one folder on different nodes": (
        """
guests: {k8s-worker-1: {kubernetes: {labels: {gpu: none}}}}
workloads: {small: {type: ollama, namespace: small, nodeSelector: {gpu: none}}}
""",
        [],
    ),
    "all of a host's memory, to the last MiB": (
        "hosts: {homelab: {memory: 10GiB, kubernetes: {schedulable: false}}}\nworkloads: null",
        [],
    ),
    "one MiB more": (
        """
hosts: {homelab: {memory: 10GiB, kubernetes: {schedulable: false}}}
guests: {k8s-master: {memory: 4097MiB}}
workloads: null
""",
        [("CAP001", "hosts.homelab.memory")],
    ),
    "the least for pods": ("hosts: {homelab: {memory: 11GiB}}", []),
    "a volume of 5GiB": ("guests: {k8s-worker-1: {storage: 5GiB}}", []),
    "a volume of a MiB less": (
        "guests: {k8s-worker-1: {storage: 5119MiB}}",
        [("CAP009", "guests.k8s-worker-1.storage")],
    ),
    "a small volume, and no pods": ("guests: {k8s-master: {storage: 1GiB}}", []),
    "a volume too small for etcd": (
        "guests: {k8s-master: {storage: 1023MiB}}",
        [("CAP009", "guests.k8s-master.storage")],
    ),
    "one in which etcd just starts": (
        "guests: {k8s-master: {storage: 192MiB}}",
        [("CAP009", "guests.k8s-master.storage")],
    ),
    "one in which it does not": (
        "guests: {k8s-master: {storage: 191MiB}}",
        [("CAP010", "guests.k8s-master.storage")],
    ),
    "one in which it does not, on a control plane that takes pods": (
        "guests: {k8s-master: {storage: 20MiB, kubernetes: {schedulable: true}}}",
        [("CAP010", "guests.k8s-master.storage")],
    ),
    "a small volume, and no node": (
        f"guests: {{vm: {{{NODE}, address: 10.0.20.30, storage: 1GiB}}}}",
        [],
    ),
    "one MiB less": ("hosts: {homelab: {memory: 11263MiB}}", [("CAP002", "hosts.homelab.memory")]),
    "a host without guests that is no node may be small": (
        """
hosts:
  tiny: {uplink: eth0, addresses: {services: 10.0.20.7}, cpus: 1, memory: 1GiB}
""",
        [],
    ),
    "a node smaller than what it keeps for itself": (
        """
hosts:
  tiny:
    uplink: eth0
    addresses: {services: 10.0.20.7}
    cpus: 1
    memory: 512MiB
    kubernetes: {role: worker}
secrets: {recipients: {tiny: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf}}
""",
        [("CAP001", "hosts.tiny.memory")],
    ),
    "memory beside 2 GiB": ("guests: {k8s-worker-1: {memory: 2049MiB}, k8s-master: {memory: 3GiB}}", []),
    "2 GiB written in MiB": (
        "guests: {k8s-worker-1: {memory: 2048MiB}}",
        [("CAP004", "guests.k8s-worker-1.memory")],
    ),
    "a worker of less than 1 GiB": (
        "guests: {k8s-worker-1: {memory: 1023MiB}}",
        [("CAP005", "guests.k8s-worker-1.memory")],
    ),
    "a control plane of little more than 2 GiB": (
        "guests: {k8s-master: {memory: 2049MiB}}",
        [],
    ),
    "a control plane of less": (
        "guests: {k8s-master: {memory: 2047MiB}}",
        [("CAP005", "guests.k8s-master.memory")],
    ),
    "a control plane that just starts": (
        "guests: {k8s-master: {memory: 512MiB}}",
        [("CAP005", "guests.k8s-master.memory")],
    ),
    "one that does not": ("guests: {k8s-master: {memory: 511MiB}}", [("CAP010", "guests.k8s-master.memory")]),
    "a worker that just starts": (
        "guests: {k8s-worker-1: {memory: 256MiB}}",
        [("CAP005", "guests.k8s-worker-1.memory")],
    ),
    "a worker that does not": (
        "guests: {k8s-worker-1: {memory: 255MiB}}",
        [("CAP010", "guests.k8s-worker-1.memory")],
    ),
    "a guest that just boots": (
        f"guests: {{vm: {{{NODE[:-4]}64MiB, address: 10.0.20.30}}}}",
        [],
    ),
    "a guest that does not": (
        f"guests: {{vm: {{{NODE[:-4]}63MiB, address: 10.0.20.30}}}}",
        [("CAP010", "guests.vm.memory")],
    ),
    "a small guest that is no node": (
        "guests: {web: {host: homelab, vlan: services, address: 10.0.20.30, vcpus: 16, memory: 256MiB}}",
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_finds(case: str) -> None:
    patch, expected = CASES[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


HINTS = {
    "a near miss of a label": (
        "workloads: {ollama: {nodeSelector: {gpus: amd}}}",
        "did you mean the label 'gpu'?",
    ),
    "a near miss of a label's value": (
        "workloads: {ollama: {nodeSelector: {gpu: amdd}}}",
        "did you mean gpu: amd?",
    ),
    "a near miss of a node's name": (
        "workloads: {ollama: {gpus: 0, nodeSelector: {gpu: null, kubernetes.io/hostname: k8s-worker1}}}",
        "did you mean kubernetes.io/hostname: k8s-worker-1?",
    ),
    "a label that is nowhere": (
        "workloads: {ollama: {nodeSelector: {disk: fast}}}",
        "add {disk: fast} to hosts.homelab.kubernetes.labels, or select other labels",
    ),
    "a label without a value": (
        "workloads: {ollama: {nodeSelector: {disk: ''}}}",
        "add {disk: ''} to hosts.homelab.kubernetes.labels, or select other labels",
    ),
    "a taint in the way": (
        'hosts: {homelab: {kubernetes: {taints: ["a:NoExecute"]}}}\nworkloads: {ollama: {gpus: 0}}',
        "remove the taint in hosts.homelab.kubernetes, or select other labels",
    ),
    "a prefix for services": ("kubernetes: {serviceCidr: 10.96.0.64/26}", "did you mean 10.96.0.0/24?"),
    "a prefix for pods": ("kubernetes: {podCidr: 10.244.0.0/24}", "take a /22 or larger"),
    "a role is set by the admin": (
        "hosts: {homelab: {kubernetes: {labels: {node-role.kubernetes.io/gpu: x}}}}",
        "remove it here, and set it with kubectl label node homelab node-role.kubernetes.io/gpu=x",
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_suggests(case: str) -> None:
    patch, hint = HINTS[case]
    (found,) = report(patch)
    assert found.hint == hint


MESSAGES = {
    "two guests that lose a folder": (
        f"""
guests: {{web: {{{NODE}, address: 10.0.20.30, kubernetes: {{role: worker}}}}}}
secrets: {{recipients: {{web: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf}}}}
workloads: {{ollama: {{gpus: 0, nodeSelector: null, models: /srv/models}}}}
""",
        "workload 'ollama' keeps data in /srv/models, and guest 'k8s-worker-1' and guest 'web', "
        "where it may run, lose it on a restart",
    ),
    "one node": (
        """
hosts: {homelab: {kubernetes: {role: control-plane}}}
guests: {k8s-master: null, k8s-worker-1: null}
""",
        "host 'homelab' takes no pods, and there is no other node",
    ),
    "which NodePorts there are": (
        "workloads: {ollama: {expose: {nodePort: 80}}}",
        "workload 'ollama' has NodePort 80, the API server takes 30000 to 32767",
    ),
    "room for one node": (
        "kubernetes: {podCidr: 10.244.0.0/24}",
        "the network of pods is 10.244.0.0/24, a /24 each for 1 node, and there are 3",
    ),
    "memory of one guest": (
        "hosts: {homelab: {memory: 5GiB}}\nguests: {k8s-worker-1: null}",
        "host 'homelab' has 5GiB of memory, its 1 guest takes 4GiB, and it keeps 2GiB for itself: "
        "1GiB too little",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_says(case: str) -> None:
    patch, message = MESSAGES[case]
    (found,) = report(patch)
    assert found.message == message


def test_every_control_plane_too_many_is_held_against_the_first() -> None:
    found = report(
        """
hosts: {homelab: {kubernetes: {role: control-plane, schedulable: true}}}
guests: {k8s-worker-1: {kubernetes: {role: control-plane}}}
"""
    )
    assert [d.message for d in found] == [
        "guest 'k8s-master' and host 'homelab' both are control plane, easyCerts works with one",
        "guest 'k8s-worker-1' and host 'homelab' both are control plane, easyCerts works with one",
    ]


def test_a_workload_without_node_names_the_closest_and_what_it_lacks() -> None:
    (found,) = report("workloads: {ollama: {nodeSelector: {gpu: nvidia, disk: fast}}}")
    assert found.message == (
        "no node has the labels disk=fast,gpu=nvidia that workload 'ollama' selects: "
        "the closest, host 'homelab', lacks disk and has gpu=amd"
    )
