"""Every code that a finding can have: those of rules, and those of findings that no rule makes, told here.

Such a finding is made where there is no cluster yet to hold against a rule, or beside what the rules look at.
"""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from hybridlab.diagnostic import Severity
from hybridlab.rules.deep.registry import DEEP_RULES
from hybridlab.rules.deep.rule import DeepRule
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule


@frozen
class Code:
    """What a finding means that is not of a rule: in one sentence what is wrong, and what to do about it."""

    code: str
    name: str
    summary: str
    remedy: str
    severity: Severity = Severity.ERROR


Explained = Rule | DeepRule | Code


@frozen
class CodeGroup:
    """Codes of one concern; `told_by` is the command that has such findings."""

    title: str
    told_by: str
    codes: tuple[Code, ...]


_EVERY_COMMAND = "every command that reads the spec"

OTHER_CODES = (
    CodeGroup(
        "Reading files",
        _EVERY_COMMAND,
        (
            Code(
                "SPEC001",
                "unreadable-file",
                "A file is not there, may not be read, or is larger than 16 MiB.",
                "Name another one with `--spec`, or allow yourself to read it.",
            ),
            Code(
                "SPEC002",
                "unreadable-text",
                "A file is not UTF-8, or has characters that nobody sees.",
                "Save it as UTF-8; remove the character, or write it as an escape in double quotes.",
            ),
            Code(
                "SPEC003",
                "not-yaml",
                "A file is not YAML, or has YAML that means nothing here, like a tag or a list as a key.",
                "Mend what stands at the place; often it is indentation, or a quote or bracket left open.",
            ),
            Code(
                "SPEC004",
                "duplicate-key",
                "A mapping has a key twice, and readers of YAML differ in which one they take.",
                "Remove one of the two.",
            ),
            Code(
                "SPEC005",
                "too-much-yaml",
                "Lists and mappings are nested too deep, or aliases make too many values of few.",
                "Write it flatter, and aliases out.",
            ),
            Code(
                "SPEC006",
                "not-one-document",
                "The spec is empty, or more than one YAML document.",
                "Keep one document; the README has an example to start from.",
            ),
            Code(
                "SPEC007",
                "unreadable-folder",
                "A folder of manifests that the spec names is not there, or may not be read.",
                "Name the folder from where the spec lies, and allow yourself to read it.",
            ),
            Code(
                "SPEC008",
                "unfit-folder",
                "A folder of manifests has no YAML file, or one that can not be applied as it is.",
                "Put manifests there, and in place of a kustomization what `kubectl kustomize` prints.",
            ),
        ),
    ),
    CodeGroup(
        "The shape of the spec",
        _EVERY_COMMAND,
        (
            Code(
                "SPEC101",
                "unknown-key",
                "A mapping has a key that the spec does not know there.",
                "Write it as the hint says; docs/spec.md has every key.",
            ),
            Code("SPEC102", "missing-key", "A mapping lacks a key that it must have.", "Add it."),
            Code(
                "SPEC103",
                "wrong-type",
                "A value is of another type than its key wants, or YAML reads it as another one.",
                "Write such a value; put text that looks like a number or a truth value in quotes.",
            ),
            Code(
                "SPEC104",
                "wrong-value",
                "A value is of the right type, and not one that its key allows.",
                "Write one that is allowed; docs/spec.md says which.",
            ),
            Code(
                "SPEC105",
                "unknown-version",
                "The spec's `apiVersion` is none that this hybridlab knows.",
                "Write one that it knows, or use the hybridlab for which the spec was written.",
            ),
        ),
    ),
    CodeGroup(
        "What the spec refers to",
        _EVERY_COMMAND,
        (
            Code(
                "RES001",
                "dangling-name",
                "A name refers to nothing: no host, VLAN, guest, key or release is called so.",
                "Write the name of one that exists, or add it.",
            ),
            Code(
                "RES002",
                "no-kubernetes",
                "A node or a workload needs a Kubernetes cluster, and the spec has none.",
                "Add the key `kubernetes`, or remove what needs it.",
            ),
            Code(
                "RES003",
                "no-secrets",
                "Something needs the sops file, and the spec has no `secrets`.",
                "Add the key `secrets` with its recipients.",
            ),
            Code(
                "RES004",
                "not-an-object-of-its-own",
                "A host and a guest have the same name, or a document of a manifest is no Kubernetes object.",
                "Rename one of the two; give the document apiVersion, kind and metadata.name.",
            ),
            Code(
                "RES005",
                "node-off-the-cluster-network",
                "A node of Kubernetes has no address in the VLAN on which the nodes talk.",
                "Give it an address there, or take it out of the cluster.",
            ),
            Code(
                "RES006",
                "folder-of-what-is-generated",
                "A folder of manifests of your own is one that hybridlab writes, and copies them to.",
                "Move them to a folder of their own, like `apps`.",
            ),
        ),
    ),
    CodeGroup(
        "Waivers and severities",
        "`hybridlab check`",
        (
            Code(
                "CHK001",
                "unknown-rule",
                "A waiver or severity names a code that no rule has.",
                "Write the code of a rule; `hybridlab explain --list` has them all.",
            ),
            Code(
                "CHK002",
                "rule-that-must-hold",
                "A waiver or severity is for a rule without which nothing can be generated.",
                "Remove it, and mend what the rule finds.",
            ),
            Code(
                "CHK003",
                "expired-waiver",
                "The last day of a waiver has passed, and it waives nothing any more.",
                "Mend what it was for, or give it a later day.",
                Severity.WARNING,
            ),
            Code(
                "CHK004",
                "unused-waiver",
                "A waiver is for something that its rule does not find, or for a place that there is not.",
                "Remove it, or write the place as the spec has it.",
                Severity.WARNING,
            ),
        ),
    ),
    CodeGroup(
        "Evaluating the flake",
        "`hybridlab check --deep`",
        (
            Code(
                "NIX190",
                "flake-not-evaluated",
                "Nix can not evaluate the flake, so nothing can be said of its machines.",
                "Mend what Nix says; `nix flake check --show-trace` says more.",
            ),
            Code(
                "NIX191",
                "machine-not-in-the-flake",
                "The flake has no nixosConfiguration for a machine of the spec.",
                "Let its outputs be what lib.mkCluster makes, or take nixosConfigurations over from there.",
            ),
        ),
    ),
    CodeGroup(
        "sops files",
        "`hybridlab secrets check`",
        (
            Code(
                "SEC101",
                "no-sops-file",
                "A sops file that machines or pods read does not exist.",
                "`hybridlab secrets init` makes those of machines, `hybridlab secrets set` that of pods.",
            ),
            Code(
                "SEC102",
                "secret-not-encrypted",
                "A sops file, or a secret in it, is not encrypted.",
                "If it was ever committed as it is, make a new one; then encrypt the file with sops.",
            ),
            Code(
                "SEC103",
                "missing-secret",
                "A sops file lacks a secret that a machine or a pod reads.",
                "Put it there, as the hint says.",
            ),
            Code(
                "SEC104",
                "wrong-readers",
                "Who can read a sops file is not who should, as the spec has it.",
                "`hybridlab secrets rekey` makes it so, and says what a removed reader knows.",
            ),
            Code(
                "SEC105",
                "key-of-another-guest",
                "A guest will be handed an age key that is not the one of its recipient in the spec.",
                "Write the public key from the sops file into the spec.",
            ),
            Code(
                "SEC106",
                "unused-secret",
                "A sops file has a value that no workload uses.",
                "`hybridlab secrets unset` takes it out.",
                Severity.WARNING,
            ),
            Code(
                "SEC107",
                "unused-guest-key",
                "A host's sops file has the age key of a guest that is not its, or reads no secrets.",
                "Take it out, as the hint says.",
                Severity.WARNING,
            ),
            Code(
                "SEC108",
                "unused-sops-file",
                "Nobody reads a sops file.",
                "Remove it with `git rm`.",
                Severity.WARNING,
            ),
        ),
    ),
    CodeGroup(
        "The way in during a deployment",
        "`hybridlab deploy`",
        (
            Code(
                "CUT000",
                "way-in-unknown",
                "Nobody can tell whether you could still log in to a machine after its deployment.",
                "Look at the machine with `hybridlab ssh`, and mend why it does not answer as it should.",
            ),
            Code(
                "CUT001",
                "way-in-cut",
                "You could not log in to a machine any more after its deployment.",
                "Change the spec so that the way in stays, as the hint says; or deploy from where one does.",
            ),
        ),
    ),
)

_OTHERS = tuple(code for group in OTHER_CODES for code in group.codes)
_ALL: tuple[Explained, ...] = (*ALL_RULES, *DEEP_RULES, *_OTHERS)

EXPLAINED: Mapping[str, Explained] = MappingProxyType({entry.code: entry for entry in _ALL})
