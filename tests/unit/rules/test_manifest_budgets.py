"""Budgets of pods, which let nodes be drained, and pools of addresses in manifests."""

import pytest

from own_manifests import OWN, found, in_default, several


def deployment(replicas: int = 1, kind: str = "Deployment", spec: str = "", volumes: str = "[]") -> str:
    pod = f'{{{spec}containers: [{{name: app, image: "nginx:1.29.1"}}], volumes: {volumes}}}'
    template = f"template: {{metadata: {{labels: {{app: app}}}}, spec: {pod}}}"
    count = "" if kind == "DaemonSet" else f"replicas: {replicas}, "
    return in_default(
        "apps/v1", kind, "app", f"spec: {{{count}selector: {{matchLabels: {{app: app}}}}, {template}}}"
    )


def budget(fields: str, selector: str = "{matchLabels: {app: app}}") -> str:
    return in_default("policy/v1", "PodDisruptionBudget", "app", f"spec: {{{fields}, selector: {selector}}}")


BUDGETS = {
    "one of one": ("minAvailable: 1", 1, True),
    "one of two": ("minAvailable: 1", 2, False),
    "more than there are": ("minAvailable: 3", 2, True),
    "a share": ("minAvailable: 50%", 2, False),
    "one may go": ("maxUnavailable: 1", 1, False),
    "none may go, and is meant so": ("maxUnavailable: 0", 3, False),
    "all, and is meant so": ("minAvailable: 100%", 3, False),
    "no pods": ("minAvailable: 1", 0, False),
}


@pytest.mark.parametrize("case", BUDGETS)
def test_a_budget_lets_a_node_be_drained(case: str) -> None:
    fields, replicas, blocked = BUDGETS[case]
    place = f"0.spec.{fields.partition(':')[0]}"
    manifest = several(budget(fields), deployment(replicas))
    assert found(manifest) == ([("MAN053", place)] if blocked else [])


@pytest.mark.parametrize("selector", ["{}", "{matchExpressions: [{key: app, operator: Exists}]}"])
def test_a_budget_selects_as_selectors_do(selector: str) -> None:
    assert found(several(budget("minAvailable: 1", selector), deployment()))[0][0] == "MAN053"


@pytest.mark.parametrize(
    "others",
    [
        deployment(kind="DaemonSet"),
        several(
            deployment(),
            in_default(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "app",
                "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}}",
            ),
        ),
    ],
)
def test_what_a_budget_does_not_block_or_nobody_knows(others: str) -> None:
    assert "MAN053" not in {code for code, _ in found(several(budget("minAvailable: 1"), others))}


def pool(addresses: str) -> str:
    crd = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ipaddresspools.metallb.io}
spec:
  group: metallb.io
  scope: Namespaced
  names: {kind: IPAddressPool, plural: ipaddresspools}
  versions: [{name: v1beta1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
    one = in_default("metallb.io/v1beta1", "IPAddressPool", "lab", f"spec: {{addresses: {addresses}}}")
    return several(one, crd)


@pytest.mark.parametrize(
    ("addresses", "wrong"),
    [
        ("[10.0.20.200-10.0.20.250]", []),
        ("[10.0.20.200 - 10.0.20.250, 192.168.7.0/24]", []),
        ("[10.0.20.0/24]", [0]),
        ("[10.0.20.200-10.0.20.250, 10.0.20.10-10.0.20.10]", [1]),
        ("[10.0.20.12/30]", [0]),
        ("[10.0.20.1/32]", [0]),
        ("[10.0.10.60-10.0.10.69]", [0]),
        ("[10.0.10.71-10.0.10.79]", []),
        ("[10.0.10.90/32]", [0]),
        ('["fd00::/64", none, "10.0.20.250-10.0.20.200"]', []),
    ],
)
def test_a_pool_has_addresses_of_nobody(addresses: str, wrong: list[int]) -> None:
    vlan = "{dhcp: {from: 10.0.10.65, to: 10.0.10.70}, devices: {nas: 10.0.10.90}}"
    # The last address of the range is a guest's.
    guest = "guests: {k8s-worker-1: {address: 10.0.20.15}}"
    patch = f"networks: {{vlans: {{management: {vlan}}}}}\n{guest}\n{OWN}"
    assert found(pool(addresses), patch) == [("MAN054", f"0.spec.addresses.{index}") for index in wrong]


def announced(kind: str) -> str:
    return in_default("metallb.io/v1beta1", kind, "lab", "spec: {}")


@pytest.mark.parametrize(
    ("kinds", "wrong"),
    [
        ((), False),
        (("L2Advertisement",), True),
        (("BGPAdvertisement",), False),
        (("L2Advertisement", "BGPAdvertisement"), False),
    ],
)
def test_a_pool_is_in_a_vlan_of_a_node_unless_it_is_routed(kinds: tuple[str, ...], wrong: bool) -> None:
    manifest = several(pool("[192.168.7.0/24, 10.0.20.200-10.0.20.250]"), *map(announced, kinds))
    assert [where for code, where in found(manifest) if code == "MAN054"] == (
        ["0.spec.addresses.0"] if wrong else []
    )
