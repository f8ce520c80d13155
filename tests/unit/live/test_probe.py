"""A probe can not be made of what does more than read, nor of what would read a secret."""

import pytest

from hybridlab.live.probe import Output, Probe, read

READS = [
    ("systemctl", "is-system-running"),
    ("systemctl", "show", "--property=Id,ActiveState", "--", "kubelet.service"),
    ("systemctl", "list-units", "--failed", "--output=json", "--no-pager"),
    ("ip", "-json", "-details", "link", "show"),
    ("ip", "-json", "route", "get", "10.0.20.1", "from", "10.0.20.5"),
    ("bridge", "-json", "vlan", "show"),
    ("nft", "--json", "list", "ruleset"),
    ("nft", "--json", "list", "table", "inet", "nixos-fw"),
    ("cat", "/proc/cmdline"),
    ("cat", "/etc/os-release", "/etc/machine-id"),
    ("cat", "/sys/class/net/enp1s0/address"),
    ("cat", "/sys/class/drm/card0/device/mem_info_vram_total"),
    ("cat", "/sys/class/kfd/kfd/topology/nodes/1/properties"),
    ("cat", "/run/booted-system/kernel-params", f"/nix/store/{'a' * 32}-nixos-system-x-26.05/kernel-params"),
    ("clinfo",),
    ("date", "+%s"),
    ("getent", "hosts", "k8s-master"),
    ("journalctl", "--no-pager", "--boot", "--unit=kubelet.service", "--lines=20", "--output=cat"),
    ("kubectl", "--kubeconfig=/etc/kubernetes/cluster-admin.kubeconfig", "get", "nodes", "--output=json"),
    ("openssl", "x509", "-noout", "-enddate", "-in", "/var/lib/kubernetes/secrets/ca.pem"),
    ("curl", "--silent", "--max-time=5", "--write-out=\\n%{http_code}", "http://127.0.0.1:10248/healthz"),
    ("sha256sum", "--", "/var/lib/kubernetes/secrets/apitoken.secret"),
    ("sha256sum", "/var/lib/kubernetes/secrets/ca.pem", "/var/lib/cfssl/ca.pem"),
    ("nix-store", "--check-validity", "/nix/store/x"),
    ("ping", "-n", "-q", "-c2", "-W2", "--", "10.0.20.11"),
    ("sysctl", "-n", "net.ipv4.ip_forward"),
    ("timedatectl", "show"),
]

# Each does something, though a look at the words alone could miss it.
DOES_MORE = [
    ("rm", "/etc/hosts"),
    ("sh", "-c", "true"),
    ("systemctl", "restart", "kubelet"),
    ("systemctl", "--signal", "is-active", "stop", "kubelet"),
    ("systemctl", "-s", "show", "stop", "kubelet"),
    ("timedatectl", "-p", "show", "set-ntp", "false"),
    ("kubectl", "-n", "get", "delete", "pod", "x"),
    ("kubectl", "get", "pods", "--profile=cpu", "--profile-output=/etc/hosts"),
    ("nft", "flush", "ruleset"),
    ("nft", "list", "ruleset;", "flush", "ruleset"),
    ("nft", "list", "ruleset\nflush ruleset"),
    ("nft", "-I", "list", "flush", "ruleset"),
    ("nft", "list", "--fil", "/tmp/rules"),
    ("ip", "link", "delete", "br0"),
    ("ip", "-ba", "addr", "show"),
    ("ip", "-force", "-b", "addr", "show"),
    ("bridge", "vlan", "del"),
    ("date", "010100002020"),
    ("date", "--se=tomorrow"),
    ("date", "-us", "tomorrow"),
    ("journalctl", "--no-pager", "--vacuum-files=1"),
    ("journalctl", "--no-pager", "--vacuum-si=1M"),
    ("journalctl", "--no-pager", "--cursor-file=/etc/hosts"),
    ("journalctl", "--no-pager", "--rot"),
    ("openssl", "x509", "-noout", "--out", "/etc/hosts"),
    ("openssl", "x509", "-noout", "-CAcreateserial"),
    ("openssl", "rand", "1"),
    ("curl", "--output", "/etc/hosts", "http://x"),
    ("curl", "--write-out=%output{/etc/hosts}x", "http://x"),
    ("curl", "--data=x", "http://x"),
    ("curl", "file:///etc/shadow"),
    ("ss", "-tK"),
    ("ss", "--ki"),
    ("ss", "-D", "/etc/hosts"),
    ("sysctl", "net.ipv4.ip_forward=0"),
    ("sysctl", "-p"),
    ("clinfo", "--offline"),
    ("nix-store", "--delete", "--check-validity", "/nix/store/x"),
    ("ping", "-n", "-f", "--", "10.0.20.11"),
    ("rocm-smi", "--setfan", "0"),
    ("cat", "/etc/hosts\0x"),
]

SHOWS_SECRETS = [
    ("cat", "/etc/shadow"),
    ("cat", "/etc/ssh/ssh_host_ed25519_key"),
    ("cat", "/etc/../var/lib/kubernetes/secrets/apitoken.secret"),
    ("cat", "/etc/.."),
    ("cat", "/run/secrets/token"),
    ("cat", "--", "/etc/hosts"),
    # What holds a secret does not always say so in its name.
    ("cat", "/etc/kubernetes/cluster-admin.kubeconfig"),
    ("cat", "/etc/ssh/ssh_host_ed25519"),
    ("cat", "/etc/sudoers"),
    ("cat", "/etc/hosts", "/etc/machine-id"),
    ("cat", "/var/lib/microvms/k8s-master/state.img"),
    ("cat", "/proc/1/environ"),
    ("cat", "/proc/swaps/../kcore"),
    ("cat", "/sys/firmware/dmi/tables/DMI"),
    ("cat", "/run/current-system/etc/kubernetes-token"),
    ("cat", "/run/current-system/../secrets/kernel-params"),
    ("cat", "/nix/store/../../run/secrets/kernel-params"),
    ("cat", "/etc/os-release\n/etc/shadow"),
    ("curl", "--write-out=@/run/secrets/k8s/join-token", "http://127.0.0.1/"),
    ("curl", "--write-out=%{http_code}@/run/secrets/k8s/join-token", "http://127.0.0.1/"),
    ("curl", "--config=/run/secrets/k8s/join-token", "http://127.0.0.1/"),
    ("findmnt", "--tab-file=/run/secrets/k8s/join-token"),
    ("findmnt", "-F", "/run/secrets/k8s/join-token"),
    ("sha256sum", "--check", "/run/secrets/k8s/join-token"),
    ("sha256sum", "-c", "/run/secrets/k8s/join-token"),
    ("sha256sum", "--", "--check", "/run/secrets/k8s/join-token"),
    ("sha256sum",),
    ("clinfo", "/run/secrets/k8s/join-token"),
    ("rocminfo", "/run/secrets/k8s/join-token"),
    ("getent", "shadow", "root"),
    ("kubectl", "get", "nodes", "--output=jsonpath-file=/run/secrets/k8s/join-token"),
    ("kubectl", "get", "nodes", "--output=go-template-file=/run/secrets/k8s/join-token"),
    ("kubectl", "--kubeconfig=/etc/ssh/ssh_host_ed25519_key", "get", "nodes"),
    ("kubectl", "get", "secrets"),
    ("kubectl", "get", "pods,Secret"),
    ("kubectl", "get", "--raw=/api/v1/%73ecrets"),
    ("openssl", "x509", "-in", "/x", "-text"),
]


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_what_reads_can_be_asked(words: tuple[str, ...]) -> None:
    assert read(*words).words == words


@pytest.mark.parametrize("words", [*DOES_MORE, *SHOWS_SECRETS], ids=lambda words: repr(" ".join(words)))
def test_what_does_more_can_not(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not known to only read"):
        Probe(words)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (0, None),
        (124, "df did not come to an end within 10 s"),
        (137, "df was killed: it did not end within 10 s, or memory was short"),
        (127, "there is no df on the machine"),
        (1, "df: /x: gone"),
    ],
)
def test_why_an_output_is_no_answer(status: int, why: str | None) -> None:
    assert Output(status, "", "\n  df: /x: gone\nmore").why_not(read("df", "/x")) == why


def test_kubectl_says_last_why_it_failed() -> None:
    """Before, client-go logs each try to see what the API server has."""
    refused = "The connection to the server k8s-master:6443 was refused"
    log = 'E1125 14:03:06.123456 4711 memcache.go:265] "Unhandled Error" err="connection refused"'
    probe = read("kubectl", "get", "nodes")
    assert Output(1, "", f"{log}\n{log}\n{refused}\n").why_not(probe) == refused
    assert Output(1, "", "\n").why_not(probe) == "kubectl ended with status 1"


def test_an_output_may_be_an_answer_at_other_statuses() -> None:
    """As that of `systemctl is-system-running`, which ends with 1 if it is degraded."""
    assert Output(1, "degraded\n").why_not(read("systemctl", "is-system-running", fine=(0, 1))) is None
    assert Output(3, "", "").why_not(read("df")) == "df ended with status 3"
