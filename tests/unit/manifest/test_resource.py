"""A resource is a checked, closed copy of what it was given, in the order in which people write it."""

import enum

import attrs
import pytest

from hybridlab.manifest import Identity, Resource
from hybridlab.manifest.data import MAX_DEPTH, copy_json


class Role(enum.StrEnum):
    WORKER = "worker"


class Port(enum.IntEnum):
    SSH = 22


def test_the_data_has_the_order_people_write():
    service = Resource(
        "v1",
        "Service",
        "ollama",
        namespace="ai",
        labels={"app": "ollama", "a": "b"},
        annotations={"note": "x"},
        body={"spec": {"type": "NodePort", "ports": ({"port": 80},)}, "status": {}},
    )
    assert repr(service.to_data()) == repr(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "ollama",
                "namespace": "ai",
                "labels": {"app": "ollama", "a": "b"},
                "annotations": {"note": "x"},
            },
            "spec": {"type": "NodePort", "ports": [{"port": 80}]},
            "status": {},
        }
    )


def test_empty_metadata_is_left_out():
    assert Resource("v1", "Namespace", "ai").to_data() == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "ai"},
    }


@pytest.mark.parametrize(
    ("resource", "identity", "text"),
    [
        (Resource("v1", "Namespace", "ai"), Identity("", "Namespace", None, "ai"), "Namespace ai"),
        (
            Resource("apps/v1", "Deployment", "ollama", namespace="ai"),
            Identity("apps", "Deployment", "ai", "ollama"),
            "Deployment.apps ai/ollama",
        ),
    ],
)
def test_identity_leaves_out_the_version(resource, identity, text):
    assert resource.identity == identity
    assert hash(resource.identity) == hash(identity)
    assert str(identity) == text


def test_a_resource_does_not_share_its_data():
    selector = {"gpu": "amd"}
    body = {"spec": {"nodeSelector": selector}}
    pod = Resource("v1", "Pod", "p", body=body)
    selector["gpu"] = "nvidia"
    pod.to_data()["spec"]["nodeSelector"]["gpu"] = "intel"
    assert pod.to_data()["spec"] == {"nodeSelector": {"gpu": "amd"}}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        pod.name = "q"


def test_values_are_compared_by_content():
    assert Resource("v1", "Pod", "p", body={"spec": {"a": (1,)}}) == Resource(
        "v1", "Pod", "p", body={"spec": {"a": [1]}}
    )
    assert Resource("v1", "Pod", "p") != Resource("v1", "Pod", "q")


def test_named_texts_and_numbers_become_plain_ones():
    copied = copy_json({Role.WORKER: [Role.WORKER, Port.SSH, True, 1.5]})
    assert repr(copied) == repr({"worker": ["worker", 22, True, 1.5]})


CYCLE: dict = {}
CYCLE["self"] = [CYCLE]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "spec.x: nan is not a JSON number"),
        (float("-inf"), "spec.x: -inf is not a JSON number"),
        (b"a", "spec.x: a value of type bytes is not JSON data"),
        ({1, 2}, "spec.x: a value of type set is not JSON data"),
        (1j, "spec.x: a value of type complex is not JSON data"),
        (range(3), "spec.x: a value of type range is not JSON data"),
        (object, "spec.x: a value of type type is not JSON data"),
        ({"a": [0, {"b": b""}]}, "spec.x.a.1.b: a value of type bytes"),
        ({1: "a"}, "spec.x: key 1 has type int, but JSON keys are text"),
        ({True: "a"}, "spec.x: key True has type bool"),
        ({None: "a"}, "spec.x: key None has type NoneType"),
        ({b"a": "a"}, "spec.x: key b'a' has type bytes"),
        ("a\0b", r"spec.x: text 'a\x00b' contains '\x00'"),
        ("\ud800", r"spec.x: text '\ud800' contains '\ud800'"),
        ({"\udfff": 1}, r"spec.x: text '\udfff' contains '\udfff'"),
        (2**63, "spec.x: integer 0x8000000000000000 needs more than 64 bits"),
        (-(2**63) - 1, "spec.x: integer -0x8000000000000001 needs more than 64 bits"),
        (CYCLE, f"spec.x.self…: data is nested deeper than {MAX_DEPTH} levels, or contains itself"),
    ],
)
def test_what_is_not_json_is_refused_at_its_place(value, message):
    with pytest.raises(ValueError) as refused:
        Resource("v1", "Pod", "p", body={"spec": {"x": value}})
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "not ''"),
        ({"name": None}, "not None"),
        ({"kind": 3}, "not 3"),
        ({"api_version": ""}, "not ''"),
        ({"namespace": ""}, "not ''"),
        ({"name": "a\0"}, r"contains '\x00'"),
        ({"labels": {"gpu": True}}, "label or annotation 'gpu' has the value True, which is not text"),
        ({"annotations": {"n": 1}}, "label or annotation 'n' has the value 1, which is not text"),
        ({"annotations": {1: "n"}}, "key 1 has type int"),
        ({"labels": ["a"]}, "a value of type list is not a mapping"),
        ({"body": ["a"]}, "top level: a value of type list is not a mapping"),
        ({"body": {"metadata": {}}}, "the body has the key 'metadata'"),
        ({"body": {"apiVersion": "v1"}}, "the body has the key 'apiVersion'"),
        ({"body": {"kind": "Pod"}}, "the body has the key 'kind'"),
    ],
)
def test_a_resource_without_a_proper_envelope_is_refused(fields, message):
    with pytest.raises(ValueError) as refused:
        Resource(**{"api_version": "v1", "kind": "Pod", "name": "p", **fields})
    assert message in str(refused.value)


def test_data_as_deep_as_allowed_is_copied():
    deep: list = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert copy_json(deep) == deep
