"""The value types of the spec at their limits: what each takes and refuses, and what it says instead."""

import pytest

from hybridlab.spec import scalars
from hybridlab.spec.scalars import ScalarError, Size, Text

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBSdxCuYyySyeNu2wTwe+LiM0D0RjL6vDoqj6ZObUFkq"
AGE_KEY = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

TAKEN = {
    scalars.Name: ["a", "0", "k8s-worker-1", "a" * 63, "1" * 63],
    scalars.InterfaceName: ["br0", "enp1s0f0np0d1x2", "eth0.20"],
    scalars.UserName: ["root", "_apt", "a" * 31],
    scalars.LabelKey: ["gpu", "amd.com/gpu", "a" * 63, f"{'a' * 63}.{'b' * 63}/c", "A_b.c-D"],
    scalars.LabelValue: ["", "amd", "A" * 63, "1.2_3-4"],
    scalars.Taint: ["gpu:NoSchedule", "gpu=:NoExecute", "amd.com/gpu=true:PreferNoSchedule"],
    scalars.PortName: ["http", "a", "1a-2", "a" * 15],
    scalars.EnvName: ["A", "_a1"],
    scalars.Image: ["a:b", "localhost:5000/a/b:c", f"a@sha256:{'0' * 64}", f"a:b@sha256:{'f' * 64}"],
    scalars.DomainName: ["a", "home.arpa", ".".join(["a" * 63] * 3)],
    scalars.Release: ["26.05", "25.11"],
    scalars.TimeZone: ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"],
    scalars.HostPath: ["/a", "/var/lib/ollama", "/a..b/.c", f"/{'a' * 1023}"],
    scalars.RepositoryPath: ["a", "secrets/secrets.yaml", ".hidden/x", "a" * 255],
    scalars.SecretKey: ["k8s/join-token", "a", "x/sops", "unencrypted", "a" * 253],
    scalars.MacAddress: ["02:00:00:00:00:01"],
    scalars.PciAddress: ["0000:c4:00.0", "ffff:ff:1f.7"],
    scalars.PciId: ["1002:1900"],
    scalars.MachineId: ["0" * 31 + "1"],
    scalars.SshKey: [SSH_KEY, f"{SSH_KEY} somebody@somewhere with blanks"],
    scalars.AgeRecipient: [AGE_KEY],
}

REFUSED = {
    scalars.Name: ["", "-a", "a-", "A", "a.b", "a_b", "a" * 64, "a\n", "ä", "${a}"],
    scalars.InterfaceName: ["", "0eth", "a" * 16, "a/b", "a b", "."],
    scalars.UserName: ["", "Root", "1a", "a" * 32, "a:b"],
    scalars.LabelKey: ["", "/a", "a/", "a/b/c", "A.com/a", "a" * 64, "-a", f"{'a.' * 127}a/b"],
    scalars.LabelValue: ["-", "a-", "a b", "a" * 64, "a\n"],
    scalars.Taint: [
        "",
        "gpu",
        "gpu=amd",
        "gpu=amd:Never",
        ":NoSchedule",
        "a=b=c:NoSchedule",
        "gpu=amd:NoSchedule\n",
    ],
    scalars.PortName: ["", "80", "a--b", "-a", "a-", "A", "a" * 16, "a_b"],
    scalars.EnvName: ["", "1A", "A-B", "A=B", "A\n"],
    scalars.Image: ["ollama", "Ollama:x", "a:b@sha256:00", "a:", "a b:c", "a:b;c"],
    scalars.DomainName: ["", ".", "a.", "-a", "A", ".".join(["a" * 63] * 4)],
    scalars.Release: ["26.5", "26.06", "unstable", "26.05\n"],
    scalars.TimeZone: ["", "/UTC", "Europe/", "a/b/c/d", "../etc", "Europe/Ber lin", "1"],
    scalars.HostPath: ["", "/", "a", "/a/", "/a/../b", "/a//b", "/a b", "/a%n", "/a$b", f"/{'a' * 1024}"],
    scalars.RepositoryPath: ["", "/a", "../a", "a/..", "a//b", "a b", "a" * 256],
    scalars.SecretKey: [
        *("", "/a", "a/../b", "a b", "sops", "sops/x", "..x", "a" * 254),
        *("a/b_unencrypted", "a_unencrypted/b", "a_unencrypted"),
    ],
    scalars.MacAddress: ["", "02:00:00:00:00", "01:00:5e:00:00:01", "00:00:00:00:00:00", "zz:00:00:00:00:00"],
    scalars.PciAddress: ["c4:00.0", "0000:c4:00.8", "0000:c4:20.0"],
    scalars.PciId: ["1002", "1002:190", "1002:19000"],
    scalars.MachineId: ["0" * 32, "A" * 32, "1" * 31, "1" * 33],
    scalars.SshKey: ["", "ssh-ed25519 AAAA", "ssh-dss AAAA", f"{SSH_KEY}\n{SSH_KEY}", SSH_KEY[:-8]],
    scalars.AgeRecipient: ["", "age1", AGE_KEY[:-1] + "q", AGE_KEY.upper()],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in TAKEN for text in TAKEN[kind]])
def test_a_right_value_is_taken_as_it_stands(kind: type[Text], text: str) -> None:
    assert kind(text) == text
    assert kind(kind(text)) == text


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in REFUSED for text in REFUSED[kind]])
def test_a_wrong_value_can_not_be_built(kind: type[Text], text: str) -> None:
    with pytest.raises(ScalarError):
        kind(text)


def test_every_textual_type_has_examples_of_both_kinds() -> None:
    kinds = {kind for kind in Text.__subclasses__() if kind.__module__.startswith("hybridlab.spec.scalars")}
    assert kinds == set(TAKEN) == set(REFUSED)


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x7f", "\x85", "\u200f", "\u2028", "\u2066", "\ufeff", "\ud800"]
)
def test_text_holds_nothing_that_a_reader_can_not_see(character: str) -> None:
    with pytest.raises(ScalarError, match=r"invisible character U\+"):
        Text(f"a{character}b")
    assert scalars.hidden_character(f"a{character}b")[0] == 1
    assert Text("tab\tline\nemoji 🏠") == "tab\tline\nemoji 🏠"


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        (scalars.WholeNumber, 0, 2**31 - 1),
        (scalars.Count, 0, 4096),
        (scalars.CpuCount, 1, 4096),
        (scalars.Port, 1, 65535),
        (scalars.VlanId, 1, 4094),
        (scalars.Cid, 3, 2**32 - 2),
    ],
)
def test_numbers_end_where_their_type_ends(kind: type[scalars.WholeNumber], least: int, most: int) -> None:
    assert (kind(least), kind(most)) == (least, most)
    for wrong in (least - 1, most + 1, True, "1", 1.0, None):
        with pytest.raises(ScalarError):
            kind(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "mib", "shown"),
    [
        ("1MiB", 1, "1MiB"),
        ("1024MiB", 1024, "1GiB"),
        ("1536MiB", 1536, "1536MiB"),
        ("2TiB", 2 * 2**20, "2TiB"),
    ],
)
def test_a_size_is_shown_in_its_largest_whole_unit(text: str, mib: int, shown: str) -> None:
    assert Size(text).mib == mib
    assert str(Size(text)) == shown
    assert Size.of_mib(mib) == Size(text)


@pytest.mark.parametrize(
    "text", ["", "4", "4gib", "0GiB", "-4GiB", "4.5GiB", "04GiB", "4GiB\n", "1" * 10 + "GiB"]
)
def test_a_wrong_size_can_not_be_built(text: str) -> None:
    with pytest.raises(ScalarError):
        Size(text)


@pytest.mark.parametrize(
    ("kind", "text", "hint"),
    [
        (scalars.Name, "K8s_W1", "did you mean 'k8s-w1'?"),
        (scalars.MacAddress, "02-00-00-00-00-0A", 'write "02:00:00:00:00:0a"'),
        (scalars.PciAddress, "c4:00.0", 'write "0000:c4:00.0"'),
        (
            scalars.SshKey,
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "of the .pub file, and make a new pair",
        ),
        (
            scalars.AgeRecipient,
            "AGE-SECRET-KEY-1QQ",
            "put its public half (age-keygen -y)",
        ),
        (scalars.AgeRecipient, SSH_KEY, "ssh-to-age"),
        (Size, "4G", "did you mean 4GiB?"),
        (Size, "4 gb", "did you mean 4GiB?"),
        (Size, "4gib", 'write "4GiB"'),
        (Size, "1.5TiB", 'write "1536GiB"'),
        (Size, "0,5GiB", 'write "512MiB"'),
        (scalars.SshKey, "~/.ssh/id_ed25519.pub", "put the line that is in ~/.ssh/id_ed25519.pub"),
        (scalars.SshKey, "~/.ssh/id_ed25519", "put the line that is in ~/.ssh/id_ed25519.pub"),
        (scalars.SshKey, f"{SSH_KEY[:-8]} {SSH_KEY[-8:]} me@home", "write it on one line"),
        (scalars.SshKey, f"{SSH_KEY[:-8]} {SSH_KEY[-8:-4]}", "copy the whole line again"),
        (scalars.parse_address, "10.0.0.1/24", 'write "10.0.0.1"'),
        (scalars.parse_address, "10.0.0.1:6443", 'write "10.0.0.1"'),
        (scalars.parse_address, "[fd00::1]:6443", 'write "fd00::1"'),
        (scalars.parse_address, "10.0.0/24", None),
        (scalars.parse_address, "10.0.0.012", "write 10.0.0.12: with a 0"),
        (scalars.parse_address, "10.0.0", "has four numbers"),
        (scalars.parse_address, "10.0.0.256", "at most 255"),
        (scalars.parse_address, "10.0.0.1,", 'write "10.0.0.1"'),
        (scalars.parse_address, "10.0.2O.11", "'O' is a letter: did you mean 10.0.20.11?"),
        (scalars.parse_address, "10.0.20.l1", "'l' is a letter: did you mean 10.0.20.11?"),
        (scalars.parse_address, "10.0.20.x1", "'x' is a letter"),
        (scalars.parse_address, "10.0.20_1.5", None),
        (scalars.parse_address, "10.0.20.-1", "'-' is no digit"),
        (scalars.parse_address, "fd00::7g", "'g' is no digit of an IPv6 address"),
        (scalars.parse_address, "fd00:0:0:0:0:0:0:z", "'z' is no digit of an IPv6 address"),
        (scalars.parse_address, "nas.home.lan.local", "a name has to be looked up first"),
        (scalars.parse_address, "http://nas:9000", "a name has to be looked up first"),
        (scalars.parse_address, "dhcp", "addresses are fixed here"),
        (scalars.parse_network, "10.0.0.1/24", 'write "10.0.0.0/24"'),
        (scalars.parse_network, "10.0.0.0/0.0.0.255", 'write "10.0.0.0/24"'),
        (scalars.parse_network, "10.0.0.0/255.255.255.0", 'write "10.0.0.0/24"'),
        (scalars.parse_network, "10.0.0/24", 'write "10.0.0.0/24"'),
        (scalars.parse_network, "10.0.0.0", "like 10.0.0.0/24"),
        (scalars.parse_network, "fd00::", "like fd00::/64"),
        (scalars.parse_network, "10.0.0.0/24;", 'write "10.0.0.0/24"'),
        (scalars.parse_network, "10.0.2O.0/24", "'O' is a letter: did you mean 10.0.20.0?"),
        (scalars.parse_network, "10.0.0.0 - 10.0.0.255", "a range is no network: did you mean 10.0.0.0/24?"),
        (scalars.parse_network, "10.0.0.1-10.0.0.200", "did you mean 10.0.0.0/24?"),
        (scalars.parse_network, "fd00::1-fd00::ffff", "did you mean fd00::/112?"),
        (scalars.parse_network, "10.0.0.1-fd00::1", None),
        (scalars.Taint, "gpu=amd:noschedule", 'write "gpu=amd:NoSchedule"'),
        (scalars.Taint, "gpu:prefer-no-schedule", 'write "gpu:PreferNoSchedule"'),
        (scalars.Taint, "gpu=amd", "add its effect, like gpu=amd:NoSchedule"),
        (scalars.Taint, "gpu=amd:never", None),
        (scalars.Image, "Louislam/uptime-kuma:1-Alpine", 'write "louislam/uptime-kuma:1-Alpine"'),
        (scalars.Image, "Louislam/uptime-kuma", "add its version: louislam/uptime-kuma:…"),
        (scalars.Name, "homelab,", 'write "homelab"'),
        (scalars.parse_network, "10.244.0.0/16,fd00::/56", "one network only"),
    ],
)
def test_what_was_meant_is_told(kind, text: str, hint: str | None) -> None:
    with pytest.raises(ScalarError) as caught:
        kind(text)
    assert (hint or "") in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((Size, text) for text in ("0GiB", "0.3GiB", "1.0001GiB", "999999999tib")),
        *((scalars.parse_network, text) for text in ("10/24", "10.0.0.0/33", "10.0.0.0/0.255.0.255", "x/8")),
        *((scalars.parse_address, text) for text in ("10.0.0/24", "x/24", "1.2.3.4.5/8", "auto")),
    ],
)
def test_nothing_else_is_written_instead(kind, text: str) -> None:
    with pytest.raises(ScalarError) as caught:
        kind(text)
    assert caught.value.instead is None


PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\n{}-----END OPENSSH PRIVATE KEY-----\n"
BASE64 = "bm90IGEga2V5LCBidXQgbG9va3MgbGlrZSBvbmUsIGFzIGEgdGVzdCBuZWVkcw==\n"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("a: AGE-SECRET-KEY-1QQPZRY9X8\nb: 1\n", "QQPZRY9X8"),
        ("a: age-secret-key-pq-1qqpzry9x8 # mine", "qqpzry9x8"),
        (f"x: |\n{PEM.format(BASE64)}y: 1\n", BASE64.strip()),
        (f"x: |\n{PEM.format('short' + chr(10))}y: 1\n", "short"),
        (f"x: |\n-----BEGIN RSA PRIVATE KEY-----\n{BASE64}b: 1\n", BASE64.strip()),
        ("x: |\n-----BEGIN RSA PRIVATE KEY-----\nabc=\nb: 1\n", "abc="),
        ("joinToken: {secret: 3f9c1b7e5d2a48860b1c9e7f4a6d2358}", "1b7e5d2a48860b1c9e7f4a6d2358"),
        ("joinToken: '3f9c1b7e5d2a48860b1c9e7f4a6d2358'", "1b7e5d2a48860b1c9e7f4a6d2358"),
        ("env: {A: b, DB_PASSWORD: hunter2, C: d}", "hunter2"),
        ("env: {DB_PASSWORD: hunter2}", "hunter2"),
        ("API_KEY: hunter2 # mine", "hunter2"),
        ('"APP__db__PASSWD": "hunter2,}3"', "hunter2,}3"),
        ("- {name: JWT_SECRET, value: 'hunter2'}", "hunter2"),
        ("- {name: JWT_SECRET, value: hunter2, b: c}", "hunter2"),
        ("- name: JWT_SECRET\n  value: hunter2\n- name: A\n  value: b\n", "hunter2"),
        ("- name: JWT_SECRET\r\n  value: hunter2\r\n", "hunter2"),
        ("DB_PASSWORD: {value: hunter2}", "hunter2"),
        ("DB_PASSWORD: [hunter2]", "hunter2"),
        ("DB_PASSWORD: |\n  hunter2\nA: b\n", "hunter2"),
        ("- DB_PASSWORD: >-\r\n    hunter2\r\n- A: b\r\n", "hunter2"),
        ("env: [A=b, DB_PASSWORD=hunter2, C=d]", "hunter2"),
        ("args: [--password=hunter2, --port=1]", "hunter2"),
        ("password: hunter2 # mine", "hunter2"),
        ("hashedPassword: $6$hunter2", "$6$hunter2"),
        ("DATABASE_URL: postgres://app:hunter2@db/app", "hunter2"),
    ],
)
def test_what_is_secret_is_withheld_and_all_else_keeps_its_place(text: str, secret: str) -> None:
    start = text.index(secret)
    assert scalars.withheld(text) == text[:start] + "*" * len(secret) + text[start + len(secret) :]


@pytest.mark.parametrize(
    "text",
    [
        "",
        SSH_KEY,
        AGE_KEY,
        "machineId: 3f9c1b7e5d2a48860b1c9e7f4a6d2358",
        "{secret: k8s/join-token}",
        "DB_PASSWORD: {secret: db/key}",
        "API_KEY:\nb: c",
        "PASSWORD_FILE: /run/secrets/db",
        "passwordFile: /run/secrets/db",
        "URL: postgres://app:$(PASSWORD)@db/app",
        "URL: postgres://app@db:5432/app",
        "DB_PASSWORD: {secret: db/key}\nA: b",
        "db-password: {secret: db/key}",
    ],
)
def test_what_is_public_is_shown(text: str) -> None:
    assert scalars.withheld(text) == text


@pytest.mark.parametrize("kind", [scalars.SshKey, scalars.AgeRecipient, scalars.Name, scalars.HostPath])
@pytest.mark.parametrize("text", [PEM.format(BASE64), "AGE-SECRET-KEY-1QQPZRY9X8"])
def test_no_message_tells_a_private_key(kind: type[Text], text: str) -> None:
    with pytest.raises(ScalarError, match="this is a private key") as caught:
        kind(text)
    assert not {"QQPZRY9X8", BASE64.strip()} & {*str(caught.value).split(), *str(caught.value.hint).split()}


@pytest.mark.parametrize(
    ("recipient", "plugin"),
    [
        (AGE_KEY, None),
        ("age1yubikey1qt3fmmp2wktvz5yga8kr7vfzetyu43256myz5d86km6dul3qpnqukqej3gs", "yubikey"),
    ],
)
def test_a_recipient_tells_its_plugin(recipient: str, plugin: str | None) -> None:
    assert scalars.AgeRecipient(recipient).plugin == plugin


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "010.0.0.1", "fe80::1%eth0", "10.0.0.1 ", 167772161]
)
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(ScalarError):
        scalars.parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "fe80::%1/64", "10.0.0.0/-1", "10.0.0.0/0.0.0.255"],
)
def test_what_is_no_network_is_refused(text: object) -> None:
    with pytest.raises(ScalarError):
        scalars.parse_network(text)
