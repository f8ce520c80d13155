"""Manifests that kustomize reads, and some that it does not though they are YAML."""

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n"
INLINE = "--- {apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: default}}\n"

# What is refused, with its place in the file and in the spec.
REFUSED = {
    "a directive": ("%YAML 1.2\n---\n" + OBJECT, "1:1", "0"),
    "a directive behind a comment": ("# x\n\n%YAML 1.2\n---\n" + OBJECT, "3:1", "0"),
    "a directive of the second document": (OBJECT + "...\n%YAML 1.2\n---\n" + OBJECT, "5:1", "1"),
    "a document behind the dashes": (OBJECT + INLINE, "4:1", "0"),
    "a document behind the dashes, after a comment": ("# x\n" + INLINE, "2:1", "0"),
    "two merges": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    <<: &x {a: b}\n    <<: *x\n",
        "7:5",
        "0.metadata.labels",
    ),
}

TAKEN = (
    INLINE,  # as the first line: kustomize cuts at the others
    INLINE + "---\n" + OBJECT,
    "---\n" + OBJECT,
    "--- # x\n" + OBJECT + "---   # y\n" + OBJECT.replace("name: a", "name: b"),
    OBJECT + "...\n---\n" + OBJECT.replace("name: a", "name: b"),
    OBJECT + "data: {a: '100%'}\n",
    OBJECT + "data:\n  a: |\n    %YAML\n    --- x\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {<<: [{a: b}, {c: d}]}\n",
    OBJECT.replace("\n", "\r\n") + "---\r\n" + OBJECT.replace("name: a", "name: b"),
)
NO_TEXT = ("9000", "true", "1.5", "0x1F", "017", "null", "~", "1_0")
TEXT = ("'9000'", '"true"', "yes", "y", "12:30", "a9000", "on")


def key_of(key: str) -> str:
    """Return a ConfigMap with this key."""
    return OBJECT + f"data:\n  {key}: b\n"
