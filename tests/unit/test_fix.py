"""Mending a spec: what has one right answer is written, all else stays as it is, to the character."""

from pathlib import Path

import pytest

from hybridlab.fix import Fixed, fix_spec, look

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "cluster.yaml").read_text(encoding="utf-8")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return tmp_path / "cluster.yaml"


def fixed(spec: Path, text: str) -> Fixed:
    spec.write_bytes(text.encode())
    return fix_spec(spec)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('release: "26.05"', "release: 26.05"),
        ("id: 20", 'id: "20"'),
        ("memory: 64GiB", "memory: 64Gi"),
        ("cidr: 10.0.20.0/24", "cidr: 10.0.20.1/24"),
        ("sshFrom:", "ssh_from:"),
        ("nodeSelector: {gpu: amd, ", "node-selector: {gpu: amd, "),
        ("role: control-plane", "role: Control-Plane"),
        ('address: "0000:c4:00.0"', 'address: "c4:00.0"'),
        ("podCidr: 10.244.0.0/16", "podcidr: 10.244.3.0/16"),
        ("uplink: enp1s0", "uplnk: enp1s0"),
        ("uplink: enp1s0", "interface: enp1s0"),
        ("addresses: {management", "address: {management"),
        ("memory: 64GiB", "ram: 65536mib"),
        ("    type: ollama", "    kind: ollama"),
        ("role: control-plane", "role: master"),
        ("system: x86_64-linux", "system: amd64"),
        ("id: 10,", "id: 1_0,"),
        ("cpus: 16", "cpus: 16.0"),
        ("address: 10.0.20.12", "address: 10.0.20.12/24"),
        ("cidr: 10.0.10.0/24", "cidr: 10.0.10/24"),
        ("cidr: 10.0.10.0/24", "cidr: 10.0.10.0/0.0.0.255"),
        ("sshFrom: [management]", "sshFrom: [10.0.10.0/24]"),
    ],
)
def test_the_example_is_mended_to_what_it_was(spec: Path, good: str, bad: str) -> None:
    assert EXAMPLE.count(good) == 1
    found = fixed(spec, EXAMPLE.replace(good, bad))
    assert found.after.decode() == EXAMPLE
    assert len(found.done) >= 1
    assert found.report.diagnostics == ()
    assert spec.read_text(encoding="utf-8") != EXAMPLE, "the file itself is for others to write"


@pytest.mark.parametrize("wrong", ['"true"', "yes", "On", '"yes"'])
def test_a_truth_value_is_written_as_one(spec: Path, wrong: str) -> None:
    right = "vcpus: 2\n    balloon: true\n"
    assert fixed(spec, EXAMPLE.replace("vcpus: 2\n", f"vcpus: 2\n    balloon: {wrong}\n")).after.decode() == (
        EXAMPLE.replace("vcpus: 2\n", right)
    )


def test_many_keys_with_one_cause_are_mended_at_once(spec: Path) -> None:
    guest = "  vm-{0}: {{host: homelab, vlan: services, ip: 10.0.20.5{0}, vcpus: 2, memory: 4GiB}}\n"
    guests = "".join(map(guest.format, range(5)))
    found = fixed(spec, EXAMPLE.replace("guests:\n", f"guests:\n{guests}"))
    assert found.after.decode().count(", address: 10.0.20.5") == 5
    assert len(found.done) == 1
    assert found.report.ok


def test_one_that_can_not_be_mended_keeps_no_other_from_it(spec: Path) -> None:
    guest = "  vm-{0}: {{host: homelab, vlan: services, {1}ip: 10.0.20.5{0}, vcpus: 2, memory: 4GiB}}\n"
    both = "address: 10.0.20.50, "  # of the first alone, which the others are told with
    guests = "".join(guest.format(number, "" if number else both) for number in range(6))
    found = fixed(spec, EXAMPLE.replace("guests:\n", f"guests:\n{guests}"))
    assert found.after.decode().count(", address: 10.0.20.5") == 6
    assert [(one.code, str(one.path)) for one in found.report] == [("SPEC101", "guests.vm-0.ip")]


def test_more_than_a_few_waivers_are_removed_in_one_go(spec: Path) -> None:
    waivers = "".join(f"    - {{code: CAP003, reason: r{number}}} # {number}\n" for number in range(30))
    found = fixed(spec, EXAMPLE + "check:\n  # why\n  waivers:\n" + waivers)
    assert found.after.decode() == EXAMPLE + "check:\n  # why\n  waivers: []\n"
    assert len(found.done) == 30


def test_faults_of_shape_hide_others_and_all_are_mended(spec: Path) -> None:
    waiver = "check: {waivers: [{code: CAP003, reason: old}, {Code: CAP004, reason: older}]}\n"
    found = fixed(spec, EXAMPLE.replace("id: 20", 'id: "20"') + waiver)
    assert found.after.decode() == EXAMPLE + "check: {waivers: []}\n"
    assert [fix.what for fix in found.done][-2:] == [
        "remove the waiver of CAP003",
        "remove the waiver of CAP004",
    ]


def test_byte_order_mark_and_line_ends_stay(spec: Path) -> None:
    windows = "\ufeff" + EXAMPLE.replace("\n", "\r\n")
    found = fixed(spec, windows.replace("id: 20", 'id: "20"'))
    assert found.after.decode() == windows


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("memory: 64GiB", "memory: 64GB"),  # may be less
        ("vlan: services # where", "vlan: service # where"),  # or the VLAN is called so
        ("address: 10.0.20.12", "address: 10.0.20.11"),
        ("uplink: enp1s0", "uplnk: enp1s0\n    interface: enp2s0"),
        ("podCidr: 10", "clusterCidr: 10"),  # it need not be there at all
        ("id: 10", "id: 012"),
    ],
)
def test_what_has_more_than_one_answer_is_left_to_the_user(spec: Path, good: str, bad: str) -> None:
    assert EXAMPLE.count(good) == 1
    text = EXAMPLE.replace(good, bad)
    found = fixed(spec, text)
    assert (found.after.decode(), found.done) == (text, ())
    assert not found.report.ok


def test_a_key_is_not_renamed_to_one_that_is_there(spec: Path) -> None:
    text = EXAMPLE.replace("  sshFrom: [management]", "  sshFrom: [management]\n  ssh_from: [services]")
    assert fixed(spec, text).after.decode() == text


def test_a_value_that_is_right_elsewhere_is_left(spec: Path) -> None:
    text = EXAMPLE.replace("id: 20,", 'id: &number "20",').replace(
        "labels: {gpu: amd,", "labels: {rack: *number, gpu: amd,"
    )
    found = fixed(spec, text)
    assert found.after.decode() == text
    assert [str(one.path) for one in found.report] == ["networks.vlans.services.id"]


def test_a_value_that_is_wrong_everywhere_is_told_and_mended_once(spec: Path) -> None:
    text = EXAMPLE.replace("memory: 64GiB", "memory: &much 64Gi").replace("memory: 4GiB", "memory: *much", 1)
    spec.write_text(text)
    (told,) = look(spec)
    assert (told.code, told.span and told.span.text.strip()) == ("SPEC104", "memory: &much 64Gi")
    found = fixed(spec, text)
    assert found.after.decode() == text.replace("64Gi", "64GiB")
    assert len(found.done) == 1


def test_a_number_that_is_none_keeps_nothing_from_being_mended(spec: Path) -> None:
    text = EXAMPLE.replace("vcpus: 2", "vcpus: .nan", 1)
    assert fixed(spec, text.replace("memory: 64GiB", "memory: 64Gi")).after.decode() == text
