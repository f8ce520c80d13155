"""Images: of a version that says what runs, and for the processors that the machines have."""

import pytest

from patched import codes, report

PLAIN = """
workloads:
  amd-gpu-device-plugin: null
  ollama: {{gpus: 0, expose: null, image: "{}"}}
"""
ARM = "nixos: {system: aarch64-linux}\n"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("ollama/ollama:0.30.0", []),
        ("ollama/ollama:0.30.0-rocm", ["WKL017"]),
        ("docker.io/ollama/ollama:0.30.0-rocm", ["WKL017"]),
        (f"ollama/ollama:0.30.0-rocm@sha256:{'0' * 64}", ["WKL017"]),
        ("rocm/k8s-device-plugin:1.31.0.9", ["WKL017"]),
        ("registry.example.org/me/ollama-rocm:0.30.0-arm64", []),
        ("registry.example.org/micro/k8s-device-plugin:1.31.0.9", []),
    ],
)
def test_what_is_built_for_x86_64_only(image: str, found: list[str]) -> None:
    assert codes(ARM + PLAIN.format(image)) == found
    assert codes(PLAIN.format(image)) == []


def test_all_such_images_are_one_finding() -> None:
    (found,) = report(ARM)
    assert (found.code, str(found.path)) == ("WKL017", "nixos.system")
    assert [str(other.path) for other in found.related] == [
        "workloads.amd-gpu-device-plugin.image",
        "workloads.ollama.image",
    ]


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("ollama/ollama:rocm", ["WKL012"]),
        ("ollama/ollama:latest", ["WKL012"]),
        (f"ollama/ollama:latest@sha256:{'0' * 64}", []),
        ("ollama/ollama:0.30.0-latest", []),
    ],
)
def test_a_tag_that_is_moved(image: str, found: list[str]) -> None:
    assert codes(PLAIN.format(image)) == found
