"""What manifests of the user's own ask for: where their pods may run, how much, and who reaches them."""

from fractions import Fraction
from pathlib import Path

import pytest

from hybridlab import ResolveError, SpecError, check, emit_all, load_spec, parse_spec, resolve
from hybridlab.model.quantity import parse_quantity
from hybridlab.model.workload import Pods
from patched import cluster, patched, report

OWN = "workloads: {own: {type: manifests, folder: own}}"
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: app, namespace: default}}
spec: {{containers: [{{name: app, image: "nginx:1.29.1"}}], {}}}
"""


def pods(manifest: str, patch: str = "") -> Pods:
    [found] = [one for one in cluster(OWN + patch, manifest=manifest).pods if "own" in one.title]
    return found


EVERYWHERE = ("homelab", "k8s-worker-1")


@pytest.mark.parametrize(
    ("field", "nodes"),
    [
        ("", EVERYWHERE),
        ("nodeSelector: {gpu: amd}", ("homelab",)),
        ("nodeSelector: {gpu: none}", ()),
        ("nodeName: k8s-worker-1", ("k8s-worker-1",)),
        ("nodeName: nobody", ()),
        ("nodeName: ''", EVERYWHERE),
        ("tolerations: [{operator: Exists}]", ("homelab", "k8s-master", "k8s-worker-1")),
        # A node that is nothing but a control plane has two taints.
        ("tolerations: [{key: unschedulable, operator: Exists}]", EVERYWHERE),
        (
            "tolerations: [{key: unschedulable, operator: Exists}, "
            "{key: node-role.kubernetes.io/master, operator: Exists}]",
            ("homelab", "k8s-master", "k8s-worker-1"),
        ),
        ("tolerations: [{key: unschedulable, value: 'false'}]", EVERYWHERE),
        (
            "tolerations: [{key: unschedulable, value: 'true', effect: NoSchedule}, "
            "{key: node-role.kubernetes.io/master, value: 'true'}]",
            ("homelab", "k8s-master", "k8s-worker-1"),
        ),
        ("tolerations: [{key: unschedulable, value: 'true', effect: NoExecute}]", EVERYWHERE),
        ("tolerations: none, nodeSelector: [gpu]", EVERYWHERE),
    ],
)
def test_pods_run_where_labels_names_and_taints_let_them(field: str, nodes: tuple[str, ...]) -> None:
    assert pods(POD.format(field)).nodes == nodes


@pytest.mark.parametrize(
    ("terms", "nodes"),
    [
        ("[{matchExpressions: [{key: gpu, operator: In, values: [amd, nvidia]}]}]", ("homelab",)),
        ("[{matchExpressions: [{key: gpu, operator: NotIn, values: [amd]}]}]", ("k8s-worker-1",)),
        ("[{matchExpressions: [{key: gpu, operator: Exists}]}]", ("homelab",)),
        ("[{matchExpressions: [{key: gpu, operator: DoesNotExist}]}]", ("k8s-worker-1",)),
        ("[{matchFields: [{key: metadata.name, operator: In, values: [homelab]}]}]", ("homelab",)),
        (
            "[{matchExpressions: [{key: gpu, operator: Exists}]},"
            " {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [k8s-worker-1]}]}]",
            EVERYWHERE,
        ),
        ("[{matchExpressions: [{key: size, operator: Gt, values: ['4']}]}]", ("k8s-worker-1",)),
        ("[{matchExpressions: [{key: size, operator: Lt, values: ['4']}]}]", ()),
        ("[{matchExpressions: [{key: gpu, operator: Gt, values: ['4']}]}]", ()),
        ("[{}]", ()),  # a term without a condition matches nothing
        ("[]", ()),
        ("[{matchExpressions: [{key: gpu, operator: Like}]}]", ()),
    ],
)
def test_node_affinity_is_what_kubernetes_makes_of_it(terms: str, nodes: tuple[str, ...]) -> None:
    affinity = (
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        f"{{nodeSelectorTerms: {terms}}}}}}}"
    )
    labelled = "\nguests: {k8s-worker-1: {kubernetes: {labels: {size: '8'}}}}"
    assert pods(POD.format(affinity), labelled).nodes == nodes


def test_containers_add_up_and_those_that_prepare_do_not() -> None:
    found = pods(
        """
apiVersion: v1
kind: Pod
metadata: {name: app, namespace: default}
spec:
  initContainers:
  - {name: once, image: "a:1", resources: {requests: {memory: 3Gi, cpu: 100m}}}
  - {name: beside, image: "a:1", restartPolicy: Always, resources: {requests: {cpu: 1}}}
  containers:
  - {name: a, image: "a:1", resources: {requests: {memory: 1Gi}, limits: {memory: 2Gi, amd.com/gpu: 1}}}
  - {name: b, image: "a:1", resources: {limits: {memory: 512Mi, cpu: "1.5"}}}
"""
    )
    assert (found.memory_mib, found.cpu_milli, found.gpus) == (3072, 2500, 1)
    assert str(found.gpus_path).endswith("containers.0.resources.limits.amd.com/gpu")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("500m", Fraction(1, 2)),
        (2, 2),
        (0.5, Fraction(1, 2)),
        ("1.5Gi", 3 * 2**29),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("2k", 2000),
        (".5", Fraction(1, 2)),
        ("-1", -1),
        ("", None),
        ("Gi", None),
        ("1 Gi", None),
        ("1KB", None),
        ("1GiB", None),
        (True, None),
        (None, None),
        ([1], None),
        ("1e9999", None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_quantities(written: object, amount: Fraction | None) -> None:
    assert parse_quantity(written) == amount


@pytest.mark.parametrize("amount", ["1e20", "9E", "1e300", "-1Gi"])
def test_more_than_there_can_be_is_too_much_and_no_crash(amount: str) -> None:
    manifest = POD.format("").replace(
        'image: "nginx:1.29.1"', f'image: "nginx:1.29.1", resources: {{limits: {{memory: {amount}}}}}'
    )
    codes = [found.code for found in report(OWN, manifest=manifest)]
    assert codes == (["MAN023"] if amount.startswith("-") else ["CAP006"])


def test_all_that_a_pod_asks_for_has_to_be_on_one_node() -> None:
    app = "{{type: deployment, image: 'nginx:1.29.1', memory: 6GiB, cpu: {}}}"
    small = "\nhosts: {homelab: {cpus: 1}}"
    assert report(f"workloads: {{page: {app.format(1)}}}{small}").ok
    [found] = report(f"workloads: {{page: {app.format(2)}}}{small}").errors
    assert found.code == "CAP006" and "none of its nodes has all of that" in found.message


DAEMON = """
apiVersion: apps/v1
kind: {}
metadata: {{name: app, namespace: default}}
spec:
  {}
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec: {{containers: [{{name: app, image: "nginx:1.29.1"}}]}}
"""


def test_how_many_pods_there_are() -> None:
    assert pods(DAEMON.format("DaemonSet", "")).replicas == 2  # a node each
    assert pods(DAEMON.format("Deployment", "replicas: 3")).replicas == 3
    assert pods(DAEMON.format("StatefulSet", "")).replicas == 1
    assert pods(DAEMON.format("Deployment", "replicas: many")).replicas == 1
    job = DAEMON.replace("apps/v1", "batch/v1").format("Job", "parallelism: 4")
    assert pods(job).replicas == 4


def test_a_list_of_one_kind_is_its_items_and_nothing_asked_for_is_nothing() -> None:
    item = "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"
    listed = f"apiVersion: v1\nkind: NamespaceList\nitems: [{item}]\n"
    assert [one.name for one in cluster(OWN, manifest=listed).objects] == ["a"]
    none = POD.format("").replace(
        'image: "nginx:1.29.1"',
        'image: "nginx:1.29.1", resources: {requests: {memory: 0}, limits: {memory: 900Gi}}',
    )
    assert pods(none).memory_mib == 0


def test_folders_are_not_followed_without_end(tmp_path: Path) -> None:
    (tmp_path / "own" / "/".join("a" * 60)).mkdir(parents=True)
    (tmp_path / "cluster.yaml").write_text(patched(OWN), encoding="utf-8")
    with pytest.raises(SpecError, match="nested deeper than 40"):
        load_spec(tmp_path / "cluster.yaml")


def test_a_list_is_its_items_and_another_kind_of_the_same_name_is_none() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
    assert [one.name for one in cluster(OWN, manifest=listed).objects] == ["a"]
    custom = DAEMON.replace("apps/v1", "example.org/v1").format("Deployment", "")
    assert not [one for one in cluster(OWN, manifest=custom).pods if "own" in one.title]


def test_privileged_pods_are_allowed_by_the_api_server() -> None:
    manifest = POD.format("").replace(
        'image: "nginx:1.29.1"', 'image: "nginx:1.29.1", securityContext: {privileged: true}'
    )
    nix = emit_all(cluster(OWN, manifest=manifest))["modules/generated/k8s-master/kubernetes.nix"].text
    assert "asked for by own" in nix


def test_a_device_plugin_of_one_s_own_is_one() -> None:
    sockets = "volumes: [{name: plugins, hostPath: {path: /var/lib/kubelet/device-plugins}}]"
    manifest = DAEMON.format("DaemonSet", "").replace("spec: {containers", f"spec: {{{sockets}, containers")
    patch = OWN.replace("{own:", "{amd-gpu-device-plugin: null, own:")
    assert report(patch, manifest=manifest).ok
    assert [d.code for d in report("workloads: {amd-gpu-device-plugin: null}").errors] == ["GPU004"]


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: app, namespace: default}
spec:
  type: NodePort
  ports: [{name: a, port: 53, protocol: UDP, nodePort: 30053}, {name: b, port: 53, nodePort: 30053}]
"""


def test_a_node_port_is_opened_for_whom_the_spec_names() -> None:
    exposed = OWN.replace("folder: own", "folder: own, expose: [{nodePort: 30053, from: [management]}]")
    found = cluster(exposed, manifest=SERVICE)
    assert check(found).diagnostics == ()
    for node in found.nodes:
        opened = [one for one in found.firewalls[node.name].node_ports if one.port == 30053]
        assert [(one.protocol.value, [str(s) for s in one.sources]) for one in opened] == [
            ("tcp", ["10.0.10.0/24"]),
            ("udp", ["10.0.10.0/24"]),
        ]
    shut = cluster(OWN, manifest=SERVICE)
    assert not [one for one in shut.firewalls["homelab"].node_ports if one.port == 30053]


ODD = '\ufeff# ünïcödé\r\napiVersion: v1\r\nkind: Namespace   # blanks\r\nmetadata: {name: "a"}\r\n---\r\n'


def test_files_are_copied_byte_for_byte(tmp_path: Path) -> None:
    own = tmp_path / "own" / "deep"
    own.mkdir(parents=True)
    (own / "a.yml").write_bytes(ODD.encode())
    (own / "notes.txt").write_text("not a manifest")
    (own / ".hidden.yaml").write_text("- not: one")
    (tmp_path / "cluster.yaml").write_text(patched(OWN), encoding="utf-8")
    files = emit_all(resolve(load_spec(tmp_path / "cluster.yaml")))
    assert files["k8s/own/deep/a.yml"].content == ODD.encode()
    assert [str(file.path) for file in files if "/own/" in str(file.path)] == ["k8s/own/deep/a.yml"]
    assert "- own/deep/a.yml\n" in files["k8s/kustomization.yaml"].text


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"a: [", "SPEC003", "not YAML"),
        (b"\xff\xfe", "SPEC002", "is not UTF-8"),
        (b"a: 1\na: 2\n", "SPEC004", "written twice"),
        (b"a: !!binary x\n", "SPEC003", "tag"),
        (b"a: *b\n", "SPEC003", "no anchor"),
    ],
)
def test_a_file_that_can_not_be_read_is_told_at_its_line(content: bytes, code: str, says: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(patched(OWN), folders={"own": {"app.yaml": content}})
    [problem] = error.value.report
    assert problem.code == code and says in problem.message
    assert problem.span is not None and problem.span.file == "own/app.yaml"


def test_every_problem_of_every_file_is_told_at_once() -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(patched(OWN), folders={"own": {"a.yaml": b"{", "b.yaml": b"}", "c d.yaml": b""}})
    assert [problem.code for problem in error.value.report] == ["SPEC008", "SPEC003", "SPEC003"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "own holds no manifest"),
        ({"kustomization.yaml": b""}, "own/kustomization.yaml is no manifest"),
        ({"../up.yaml": b""}, "own/../up.yaml"),
    ],
)
def test_a_folder_that_is_none_is_refused(files: dict[str, bytes], says: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(patched(OWN), folders={"own": files})
    [problem] = error.value.report
    assert says in problem.message
    assert problem.span is not None and problem.span.file == "cluster.yaml"


def test_a_folder_that_is_not_there_is_told_at_its_name(tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    spec.write_text(patched(OWN), encoding="utf-8")
    for make in (lambda: None, lambda: (tmp_path / "own").write_text("a file")):
        make()
        with pytest.raises(SpecError) as error:
            load_spec(spec)
        [problem] = error.value.report
        assert problem.code == "SPEC007" and str(problem.path) == "workloads.own.folder"


@pytest.mark.parametrize(
    ("document", "missing"),
    [
        ("- a list", "apiVersion, kind, metadata.name"),
        ("just text", "apiVersion, kind, metadata.name"),
        ("{apiVersion: v1, metadata: {name: a}}", "kind"),
        ("{apiVersion: v1, kind: Pod, metadata: [name]}", "metadata.name"),
        ("{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "metadata.name"),
    ],
)
def test_what_is_no_object_is_refused_at_its_place(document: str, missing: str) -> None:
    with pytest.raises(ResolveError) as error:
        cluster(OWN, manifest=f"# a comment\n\n---\n# another\n{document}\n")
    [problem] = error.value.report
    assert problem.message == f"this document is no Kubernetes object: it lacks {missing}"
    assert problem.span is not None
    assert (problem.span.file, problem.span.line) == ("own/app.yaml", 5)


def test_positions_are_right_in_a_file_with_windows_lines_and_several_documents() -> None:
    text = ODD + "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: a\r\n  namespace: nowhere\r\n"
    [found] = report(OWN, manifest=text)
    assert (found.code, str(found.span)) == ("MAN004", "own/app.yaml:10:14")
