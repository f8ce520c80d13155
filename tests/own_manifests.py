"""What is said of one manifest of the user's own, by code and by the place in its file."""

from patched import report

OWN = """
workloads:
  ollama: {gpus: 0}
  own: {type: manifests, folder: own}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: app, namespace: default, labels: {{app: app}}}}
spec: {}
"""


def found(manifest: str, patch: str = OWN) -> list[tuple[str, str]]:
    """Return code and place of each finding; the place begins with the number of the document."""
    return [
        (one.code, str(one.path).partition(".app.yaml.")[2] or str(one.path))
        for one in report(patch, manifest=manifest)
    ]


def pod(spec: str) -> str:
    """Return a Pod with this spec, in flow style."""
    return POD.format(spec)


def container(fields: str = "", spec: str = "") -> str:
    """Return a Pod of one container with these fields more, and these of its spec."""
    more = f", {fields}" if fields else ""
    rest = f", {spec}" if spec else ""
    return pod(f'{{containers: [{{name: app, image: "nginx:1.29.1"{more}}}]{rest}}}')


def several(*documents: str) -> str:
    """Return one file with these documents."""
    return "---".join(documents)


def in_default(
    version: str, kind: str, name: str, rest: str = "", metadata: str = "namespace: default"
) -> str:
    """Return an object in the namespace `default`, with more in its metadata and beside it."""
    return f"\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, {metadata}}}\n{rest}\n"


def cluster_wide(version: str, kind: str, name: str, rest: str = "", metadata: str = "labels: {}") -> str:
    """Return an object of a kind without namespaces."""
    return in_default(version, kind, name, rest, metadata)
