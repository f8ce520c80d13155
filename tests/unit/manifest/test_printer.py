"""The layout of printed YAML: as if written by hand, and with comments that stay comments."""

import pytest
import yaml

from hybridlab.manifest import Resource, print_manifest, print_yaml

DEPLOYMENT = Resource(
    "apps/v1",
    "Deployment",
    "ollama",
    namespace="ai",
    labels={"app.kubernetes.io/name": "ollama"},
    annotations={"hybridlab.dev/why": "the GPU can not be passed through: it stays on the host"},
    body={
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/name": "ollama"}},
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "ollama"}},
                "spec": {
                    "nodeSelector": {"gpu": "amd", "node-type": "baremetal"},
                    "tolerations": [],
                    "containers": [
                        {
                            "name": "ollama",
                            "image": "docker.io/ollama/ollama:0.12.3-rocm",
                            "command": ["/bin/sh", "-c", "set -e\n\nexec ollama serve\n"],
                            "env": [
                                {"name": "HSA_OVERRIDE_GFX_VERSION", "value": "11.0.0"},
                                {"name": "OLLAMA_HOST", "value": "0.0.0.0:11434"},
                                {"name": "OLLAMA_DEBUG", "value": "0"},
                                {"name": "OLLAMA_NOHISTORY", "value": "yes"},
                            ],
                            "ports": [{"name": "http", "containerPort": 11434}],
                            "resources": {"limits": {"amd.com/gpu": 1, "memory": "16Gi"}},
                            "securityContext": {"privileged": False},
                        }
                    ],
                    "volumes": [
                        {"name": "models", "hostPath": {"path": "/var/lib/ollama"}},
                        {"name": "tmp", "emptyDir": {}},
                    ],
                },
            },
        }
    },
    comments={
        ("spec", "strategy"): "one GPU: the old pod must go before the new one starts",
        ("spec", "template", "spec", "nodeSelector"): "labels of host 'homelab'\nguests have no GPU",
        ("spec", "template", "spec", "containers", 0, "env", 0, "name"): "gfx1103 is not on ROCm's list",
        ("spec", "template", "spec", "volumes", 1): "scratch",
    },
)

GOLDEN = """\
# written by hybridlab from cluster.yaml
#
# do not edit
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ollama
  namespace: ai
  labels:
    app.kubernetes.io/name: ollama
  annotations:
    hybridlab.dev/why: "the GPU can not be passed through: it stays on the host"
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: ollama
  # one GPU: the old pod must go before the new one starts
  strategy:
    type: Recreate
  template:
    metadata:
      labels:
        app.kubernetes.io/name: ollama
    spec:
      # labels of host 'homelab'
      # guests have no GPU
      nodeSelector:
        gpu: amd
        node-type: baremetal
      tolerations: []
      containers:
      - name: ollama
        image: docker.io/ollama/ollama:0.12.3-rocm
        command:
        - /bin/sh
        - -c
        - |
          set -e

          exec ollama serve
        env:
        # gfx1103 is not on ROCm's list
        - name: HSA_OVERRIDE_GFX_VERSION
          value: 11.0.0
        - name: OLLAMA_HOST
          value: 0.0.0.0:11434
        - name: OLLAMA_DEBUG
          value: "0"
        - name: OLLAMA_NOHISTORY
          value: "yes"
        ports:
        - name: http
          containerPort: 11434
        resources:
          limits:
            amd.com/gpu: 1
            memory: 16Gi
        securityContext:
          privileged: false
      volumes:
      - name: models
        hostPath:
          path: /var/lib/ollama
      # scratch
      - name: tmp
        emptyDir: {}
---
apiVersion: v1
kind: Namespace
metadata:
  name: ai
"""


def test_a_deployment_reads_as_if_written_by_hand():
    header = ["written by hybridlab from cluster.yaml", "", "do not edit"]
    assert print_manifest([DEPLOYMENT, Resource("v1", "Namespace", "ai")], header=header) == GOLDEN


def test_nothing_to_print_is_no_document():
    assert print_manifest([]) == ""
    assert print_manifest([], header=["nothing here"]) == "# nothing here\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "{}\n"),
        ([], "[]\n"),
        (None, "null\n"),
        ({"a": {}, "b": [], "c": [[], {}]}, "a: {}\nb: []\nc:\n- []\n- {}\n"),
        ([[1, [2]], [{"a": 1, "b": [3]}]], "- - 1\n  - - 2\n- - a: 1\n    b:\n    - 3\n"),
        ({"a": "x\ny", "b": ["x\n\n", "  y\n"]}, "a: |-\n  x\n  y\nb:\n- |+\n  x\n\n- |2\n    y\n"),
        ({"a": ["x\n\n"]}, "a:\n- |+\n  x\n\n...\n"),
        ({"k" * 1025: [1]}, f"? {'k' * 1025}\n:\n- 1\n"),
        ([{"no": "no", "1": 1, "a b": None}], '- "no": "no"\n  "1": 1\n  a b: null\n'),
    ],
)
def test_layout(data, text):
    assert print_yaml(data) == text


def test_lines_are_never_wrapped():
    assert print_yaml({"a": "word " * 500 + "end", "b": "no: " * 500 + "end"}).count("\n") == 2


def test_shared_data_is_written_out_without_anchors():
    labels = {"app": "x"}
    assert print_yaml({"a": labels, "b": [labels]}) == "a:\n  app: x\nb:\n- app: x\n"


def test_a_comment_can_not_become_structure():
    data = {"a": {"b": [1]}}
    hostile = "x\nc: 1\r---\x85d: 2\u2028- 3\u202e"
    text = print_yaml(
        data, header=[hostile], comments={("a",): hostile, ("a", "b"): hostile, ("a", "b", 0): hostile}
    )
    assert yaml.safe_load(text) == data
    assert text.isascii()
    assert text.count("#") == 20


def test_a_comment_on_nothing_is_refused():
    with pytest.raises(ValueError, match=r"comments on \('a', 'c'\), but the data has no such place"):
        print_yaml({"a": {"b": 1}}, comments={("a", "c"): "lost"})
    with pytest.raises(ValueError, match="no such place"):
        print_manifest([Resource("v1", "Pod", "p", comments={("spec",): "lost"})])


def test_data_that_is_not_json_is_refused():
    with pytest.raises(ValueError, match=r"a\.0: nan is not a JSON number"):
        print_yaml({"a": [float("nan")]})
