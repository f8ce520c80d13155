"""What a spec says of the rules: findings that are meant so, other severities, and wrong settings."""

import datetime

import pytest

from hybridlab import Report, Severity, SpecError, check, emit_all
from hybridlab.diagnostic import Diagnostic, SpecPath
from hybridlab.model.waivers import CheckSettings, Waiver
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from hybridlab.rules.settings import settle
from patched import cluster, report

TODAY = datetime.date(2026, 11, 29)
VCPUS = "guests: {k8s-worker-1: {vcpus: 32}}\n"
WHERE = "guests.k8s-worker-1.vcpus"


def waived(*waivers: str, patch: str = VCPUS) -> Report:
    return check(cluster(f"{patch}check: {{waivers: [{', '.join(waivers)}]}}"), today=TODAY)


def found(report: Report) -> list[tuple[str, str]]:
    return [(d.code, str(d.path)) for d in report]


@pytest.mark.parametrize(
    "at", ["", "at: guests, ", "at: guests.k8s-worker-1, ", "at: guests.k8s-worker-1.vcpus, "]
)
def test_a_waiver_takes_away_what_is_found_at_its_place_or_below(at: str) -> None:
    looked = waived(f"{{code: CAP003, {at}reason: compiles at night}}")
    assert found(looked) == []
    (one,) = looked.waived
    assert (one.diagnostic.code, str(one.diagnostic.path), one.reason) == (
        "CAP003",
        WHERE,
        "compiles at night",
    )
    assert one.diagnostic.span is not None


@pytest.mark.parametrize(
    ("place", "is_covered"),
    [
        ("hosts.x.labels.example.com/gpu", True),
        ("hosts.x.labels", True),
        ("hosts.x.labels.example", False),  # the dot is one of the key
        ("hosts.x.labels.example.com", False),
        ("hosts.x.label", False),
    ],
)
def test_a_dot_in_a_key_ends_no_place(place: str, is_covered: bool) -> None:
    waiver = Waiver("CAP003", place, "x", None, SpecPath())
    assert waiver.covers("CAP003", SpecPath.of("hosts", "x", "labels", "example.com/gpu")) == is_covered
    assert not waiver.covers("CAP004", SpecPath.of("hosts", "x", "labels", "example.com/gpu"))


def test_a_waiver_of_some_findings_of_one_cause_leaves_the_others() -> None:
    alike = [
        Diagnostic("CAP003", Severity.WARNING, f"{n}", SpecPath.of("guests", f"g{n}"), group="one cause")
        for n in range(7)
    ]
    waivers = tuple(Waiver("CAP003", f"guests.g{n}", "x", None, SpecPath.of("check", n)) for n in (0, 2, 4))
    settings = CheckSettings(waivers, {"CAP003": Severity.ERROR})
    left, waived = settle(alike, settings, ALL_RULES, TODAY)
    (told,) = Report.of(left)
    assert told.message == "1 (and 3 more like this)"
    assert told.severity is Severity.ERROR
    assert [other.message for other in told.related] == ["3", "5", "6"]
    assert [one.diagnostic.message for one in waived] == ["0", "2", "4"]


@pytest.mark.parametrize(
    "waiver",
    [
        "{code: CAP003, at: guests.k8s-master, reason: x}",
        "{code: CAP003, at: guests.k8s-worker-1.memory, reason: x}",
        "{code: CAP004, reason: x}",
    ],
)
def test_a_waiver_that_nothing_needs_is_told_and_waives_nothing(waiver: str) -> None:
    looked = waived(waiver)
    assert found(looked) == [("CAP003", WHERE), ("CHK004", "check.waivers.0.code")]
    assert looked.waived == ()


@pytest.mark.parametrize(
    ("at", "hint"),
    [
        ("hosts.homlab", "did you mean hosts.homelab?"),
        ("host.homelab.memory", "did you mean hosts.homelab.memory?"),
        ("guests.k8s-worker", "did you mean guests.k8s-worker-1?"),  # a name's beginning is no place
        ("guests/k8s-worker-1/vcpus", "keys are joined by dots: write guests.k8s-worker-1.vcpus"),
        ("admin.sshKeys[0]", "keys are joined by dots: write admin.sshKeys.0"),
        ("k8s-worker-1.vcpus", "did you mean guests.k8s-worker-1.vcpus?"),
        ("admin.sshKeys.7", "admin.sshKeys has 0: write one of them, or remove the waiver"),
        (
            "guests.k8s-worker-1.vcpus.0",
            "there is nothing below guests.k8s-worker-1.vcpus: write",
        ),
        ("workloads.zzz", "workloads has "),
        ("zzz", "the spec has apiVersion, name, nixos, admin, networks, hosts, guests, kubernetes, …: write"),
    ],
)
def test_a_place_that_there_is_not_is_told_and_its_waiver_kept(at: str, hint: str) -> None:
    told = waived(f"{{code: CAP003, at: '{at}', reason: x}}").diagnostics[-1]
    assert (told.code, str(told.path), told.fix) == ("CHK004", "check.waivers.0.at", None)
    assert told.message == f"the waiver of CAP003 waives nothing: {at!r} is no place of the spec"
    assert hint in str(told.hint)


@pytest.mark.parametrize(
    "at",
    [
        "guests.k8s-worker-1.storage",
        "hosts.homelab.kubernetes.labels.example.com/gpu.b",
        "check.waivers.0.at",
    ],
)
def test_what_could_be_written_is_a_place(at: str) -> None:
    labels = "hosts: {homelab: {kubernetes: {labels: {example.com/gpu.b: x}}}}\n"
    (told,) = waived(f"{{code: CAP003, at: {at}, reason: x}}", patch=labels)
    assert told.message.endswith(f"the rule finds nothing at {at}")
    assert told.fix is not None


def test_a_manifest_is_a_place() -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: own}\n"
    patch = "workloads: {own: {type: manifests, folder: own}}\ncheck: {waivers: [%s]}"
    for at, path in (
        ("workloads.own.folder.app.yaml.0.metadata", "check.waivers.0.code"),
        ("workloads.own.folder.app.yml.0", "check.waivers.0.at"),
    ):
        told = check(cluster(patch % f"{{code: MAN001, at: {at}, reason: x}}", manifest=manifest))
        assert [str(one.path) for one in told if one.code == "CHK004"] == [path]


def test_a_finding_that_no_rule_makes_is_not_waived() -> None:
    (told,) = waived("{code: CHK004, reason: x}", patch="")
    assert (told.code, str(told.path)) == ("CHK001", "check.waivers.0.code")
    assert told.message == "CHK004 (unused-waiver) is no rule, and can not be set aside"
    assert "`hybridlab explain CHK004`" in str(told.hint)


def test_a_waiver_counts_to_the_end_of_its_last_day() -> None:
    assert found(waived("{code: CAP003, reason: x, until: 2026-11-29}")) == []
    (finding, expired) = waived("{code: CAP003, reason: until we buy memory, until: 2026-11-28}")
    assert (finding.code, expired.code, str(expired.path)) == ("CAP003", "CHK003", "check.waivers.0.until")
    assert "until we buy memory" in str(expired.hint)


def test_the_day_is_today_by_default() -> None:
    tomorrow = datetime.date.today() + datetime.timedelta(days=1)
    assert found(report(f"{VCPUS}check: {{waivers: [{{code: CAP003, reason: x, until: {tomorrow}}}]}}")) == []


def test_of_two_waivers_for_one_finding_both_are_needed() -> None:
    both = ("{code: CAP003, reason: x}", "{code: CAP003, at: guests, reason: other}")
    assert found(waived(*both)) == []


def test_a_code_of_no_rule_is_an_error_with_the_one_that_was_meant() -> None:
    looked = waived("{code: CAP03X, reason: x}".replace("CAP03X", "CPA003"))
    (finding, unknown) = looked
    assert (finding.code, unknown.code, unknown.severity) == ("CAP003", "CHK001", Severity.ERROR)
    assert unknown.hint == "did you mean 'CAP003'?"


NO_CONTROL_PLANE = "guests: {k8s-master: {kubernetes: {role: worker}}}\n"


@pytest.mark.parametrize("setting", ["waivers: [{code: K8S001, reason: x}]", "severities: {K8S001: warning}"])
def test_what_leaves_nothing_to_generate_can_not_be_set_aside(setting: str) -> None:
    looked = report(f"{NO_CONTROL_PLANE}check: {{{setting}}}")
    assert sorted(d.code for d in looked) == ["CHK002", "K8S001"]
    assert not looked.ok
    assert all(d.severity is Severity.ERROR for d in looked)


def test_a_severity_of_the_spec_takes_the_place_of_the_rule_s_own() -> None:
    (finding,) = report(f"{VCPUS}check: {{severities: {{CAP003: error}}}}")
    assert finding.severity is Severity.ERROR
    (finding,) = report("guests: {k8s-worker-1: {memory: 2GiB}}\ncheck: {severities: {CAP004: warning}}")
    assert finding.severity is Severity.WARNING
    (unknown,) = report("check: {severities: {CAP999: warning}}")
    assert (unknown.code, unknown.on_key) == ("CHK001", True)


def test_a_waiver_of_a_rule_that_did_not_run_is_not_called_unused() -> None:
    others = [rule for rule in ALL_RULES if rule.code != "CAP003"]
    unneeded = cluster("check: {waivers: [{code: CAP003, reason: x}]}")
    assert found(check(unneeded, others, today=TODAY)) == []
    assert found(check(unneeded, today=TODAY)) == [("CHK004", "check.waivers.0.code")]


@pytest.mark.parametrize("rule", [rule for rule in ALL_RULES if rule.waivable], ids=lambda rule: rule.code)
def test_a_cluster_is_generated_whatever_is_waived(rule: Rule) -> None:
    assert emit_all(cluster(rule.bad.patch, manifest=rule.bad.manifest)).files


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("waivers: [{code: CAP003}]", "SPEC102"),
        ("waivers: [{reason: x}]", "SPEC102"),
        ('waivers: [{code: CAP003, reason: ""}]', "SPEC104"),
        ("waivers: [{code: cap3, reason: x}]", "SPEC104"),
        ("waivers: [{code: CAP003, reason: x, until: 2026-02-30}]", "SPEC104"),
        ("waivers: [{code: CAP003, reason: x, until: tomorrow}]", "SPEC104"),
        ("severities: {CAP003: fatal}", "SPEC104"),
    ],
)
def test_settings_of_another_shape_are_refused_at_their_place(written: str, code: str) -> None:
    with pytest.raises(SpecError) as refused:
        cluster(f"check: {{{written}}}")
    (problem,) = refused.value.report
    assert problem.code == code
    assert problem.path[0] == "check"
