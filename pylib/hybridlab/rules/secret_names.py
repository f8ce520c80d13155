"""Names of secrets: each file, and each secret in a file or on a machine, has one that nothing else has."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath, PurePosixPath

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import GENERATED, Manifests, SecretUse
from hybridlab.rules.rule import Example, Finding, rule

_FILE = SpecPath.of("secrets", "file")
_TOKEN = SpecPath.of("kubernetes", "joinToken", "secret")
_FORMATS = {".json": "JSON", ".env": "dotenv", ".ini": "INI"}


@rule(
    "SEC006",
    "secrets-called-the-same",
    summary="Two secrets of a workload get the same name in Kubernetes.",
    rationale="""A workload has one Secret, with a value for each key of the sops file that it uses. Its names
        hold no slash, which becomes a dot: the keys `a/b` and `a.b` would both be `a.b`, and one value would
        be given for the other.""",
    source="Kubernetes docs, Secrets: a key holds letters, digits, '-', '_' and '.' only",
    bad=Example(
        """
        workloads:
          page:
            type: deployment
            image: nginx:1.29.1
            env: {A: {secret: page/key}, B: {secret: page.key}}
        """,
        at=SpecPath.of("workloads", "page", "env", "B"),
    ),
    good="""
        workloads:
          page:
            type: deployment
            image: nginx:1.29.1
            env: {A: {secret: page/key}, B: {secret: page/key}}
    """,
)
def secrets_called_the_same(cluster: Cluster) -> Iterable[Finding]:
    for app in cluster.apps:
        first: dict[str, SecretUse] = {}
        for use in app.secrets:
            earlier = first.setdefault(use.data_key, use)
            if earlier.key != use.key:
                yield Finding(
                    f"{app} uses the secrets {earlier.key} and {use.key}, both called {use.data_key} in "
                    "Kubernetes",
                    use.path,
                    "give one of them another key in the sops file",
                    related=(Related(f"{earlier.key} is used here", earlier.path),),
                )


@rule(
    "SEC007",
    "join-token-called-like-another-secret",
    summary="The join token has a name that machines use for other secrets.",
    rationale="""On a machine each secret has one name, and one file in /run/secrets: the keys of a host's
        guests are `GUEST/age-key`, what pods are given is below `workloads/`. The token would take the place
        of such a secret, and the machine lack one of them.""",
    source="Mic92/sops-nix, modules/sops: sops.secrets is an attribute set; docs/decisions/0007, 0009",
    bad=Example(
        """
        kubernetes: {joinToken: {secret: k8s-worker-1/age-key}}
        """,
        at=_TOKEN,
    ),
    good="""
        kubernetes: {joinToken: {secret: k8s/age-key}}
    """,
)
def join_token_called_like_another_secret(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is None:
        return
    token = cluster.kubernetes.join_token
    first, _, rest = token.partition("/")
    # Also what would have to be a file and a folder at once.
    of_guest = rest.partition("/")[0] in ("", "age-key") and first in {guest.name for guest in cluster.guests}
    if first == "workloads" or of_guest:
        what = "what pods are given" if first == "workloads" else f"the key of guest {first!r}"
        message = f"the join token is called {token}, which is what machines call {what}"
        yield Finding(message, _TOKEN, "call it k8s/join-token")


@rule(
    "SEC008",
    "secrets-file-for-two",
    summary="The sops file is called like another one, which others can read.",
    rationale="""Beside it there are a file for each host with the keys of its guests, called
        `HOST-guests.yaml`, and `workloads.yaml` with what pods are given. Each is encrypted for its own
        readers: in one file, everybody could read everything.""",
    source="docs/decisions/0007-keys-of-guests.md, 0009-secrets-in-pods.md",
    bad=Example(
        """
        secrets: {file: secrets/homelab-guests.yaml}
        """,
        at=_FILE,
    ),
    good="""
        secrets: {file: secrets/guests.yaml}
    """,
)
def secrets_file_for_two(cluster: Cluster) -> Iterable[Finding]:
    secrets = cluster.secrets
    if secrets is None:
        return
    taken = {secrets.workloads_file: "what pods are given"}
    taken |= {secrets.guest_file(host.name): f"the keys of the guests of {host}" for host in cluster.hosts}
    if secrets.file in taken:
        yield Finding(
            f"{secrets.file} is the file of the join token, and that of {taken[secrets.file]}",
            _FILE,
            "call it secrets/secrets.yaml",
        )


@rule(
    "SEC009",
    "sops-file-of-another-format",
    summary="The sops file is not called `….yaml`.",
    rationale="""sops goes by a file's name: it takes `.json`, `.env` and `.ini` for what they say, and all
        else for binary. The file is YAML, as machines read it: `sops` by hand would not open it, or would
        save it in a format that no machine understands.""",
    source="getsops/sops, cmd/sops/formats (FormatForPath); getsops/sops#1886",
    bad=Example(
        """
        secrets: {file: secrets/secrets.env}
        """,
        at=_FILE,
    ),
    good="""
        secrets: {file: secrets/secrets.yml}
    """,
)
def sops_file_of_another_format(cluster: Cluster) -> Iterable[Finding]:
    if cluster.secrets is None:
        return
    path = PurePosixPath(cluster.secrets.file)
    if path.suffix not in (".yaml", ".yml"):
        taken_for = _FORMATS.get(path.suffix, "binary")
        # What begins with a dot has no suffix: secrets/.env is called .env.yaml then.
        meant = path.with_name(f"{path.stem}.yaml")
        yield Finding(
            f"{path} is YAML, as machines read it, and sops takes it for {taken_for} by its name",
            _FILE,
            f"call it {meant}, and the file too if there is one",
        )


@rule(
    "SEC010",
    "token-in-the-spec",
    summary="The join token itself stands in the spec, in place of its name.",
    rationale="""`joinToken.secret` is the name of a value in the sops file. 32 hex digits are what a token
        looks like: whoever reads the repository, or the Nix store of a machine, could make themselves a node,
        and read every secret of the cluster.""",
    source="facts - token-not-in-store; nixpkgs, nixos/modules/services/cluster/kubernetes/pki.nix",
    bad=Example(
        """
        kubernetes: {joinToken: {secret: 3f9c1b7e5d2a48860b1c9e7f4a6d2358}}
        """,
        at=_TOKEN,
    ),
    good="""
        kubernetes: {joinToken: {secret: k8s/join-token}}
    """,
)
def token_in_the_spec(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is not None and re.fullmatch("[0-9a-f]{32}", cluster.kubernetes.join_token):
        file = "the sops file" if cluster.secrets is None else cluster.secrets.file
        yield Finding(
            f"32 hex digits stand where the token's name in {file} belongs: the token itself is in the spec",
            _TOKEN,
            "write k8s/join-token, and never use this token again: `hybridlab secrets init` makes one",
        )


@rule(
    "SEC013",
    "sops-file-in-the-way",
    summary="A sops file is the spec, or lies where hybridlab writes or reads something else.",
    rationale="""`generate` owns `.sops.yaml`, `k8s` and `modules/generated`, and does not write over what it
        did not write: it would stop at the sops file, or sops would be told its rules by what it encrypts. In
        a folder of manifests, the file would be applied to the cluster. `HOST-guests.yaml` and
        `workloads.yaml` lie beside it.""",
    source="getsops/sops, README: creation rules are read from .sops.yaml; docs/workloads.md",
    bad=Example(
        """
        secrets: {file: .sops.yaml}
        """,
        at=_FILE,
    ),
    good="""
        secrets: {file: secrets/sops.yaml}
    """,
)
def sops_file_in_the_way(cluster: Cluster) -> Iterable[Finding]:
    for file in () if cluster.secrets is None else cluster.secrets.files:
        if (why := next(_in_the_way(cluster, PurePosixPath(file)), None)) is not None:
            # The others lie beside it, and are in the way as well.
            yield Finding(f"the sops file {file} {why}", _FILE, "call it secrets/secrets.yaml")
            return


def _in_the_way(cluster: Cluster, file: PurePosixPath) -> Iterator[str]:
    if str(file) == ".sops.yaml":
        yield "is the one in which hybridlab writes who can read the others"
    spec = cluster.source.locate(SpecPath())
    if spec is not None and str(file) == PurePath(spec.file).name:
        yield "is the spec itself"
    for tree in GENERATED:
        if file.is_relative_to(tree):
            yield f"lies in {tree}, which hybridlab writes"
    for workload in cluster.workloads:
        if isinstance(workload, Manifests) and file.is_relative_to(workload.folder):
            yield f"lies in {workload.folder}, the manifests of {workload}"


@rule(
    "SEC014",
    "secret-inside-another",
    summary="A secret has a key inside that of another one.",
    rationale="""In the sops file, a slash in a key leads into a mapping. `db` is one text, and `db/password`
        makes a mapping of it: only one of the two can be there, and whoever uses the other never starts.""",
    source="Mic92/sops-nix, README: nested keys of a YAML file are separated by slashes",
    bad=Example(
        """
        workloads:
          page:
            type: deployment
            image: nginx:1.29.1
            env: {A: {secret: page/db}, B: {secret: page/db/password}}
        """,
        at=SpecPath.of("workloads", "page", "env", "B", "secret"),
    ),
    good="""
        workloads:
          page:
            type: deployment
            image: nginx:1.29.1
            env: {A: {secret: page/db/user}, B: {secret: page/db/password}}
    """,
)
def secret_inside_another(cluster: Cluster) -> Iterable[Finding]:
    first: dict[str, SecretUse] = {}
    for app in cluster.apps:
        for use in app.secrets:
            first.setdefault(use.key, use)
    for key, inner in first.items():
        above = map(str, PurePosixPath(key).parents)
        if (outer := next((first[other] for other in above if other in first), None)) is not None:
            yield Finding(
                f"the secret {key} is inside the secret {outer.key}, which would have to be text and mapping",
                inner.path / "secret",
                "give one of them another key",
                related=(Related(f"{outer.key} is used here", outer.path / "secret"),),
            )
