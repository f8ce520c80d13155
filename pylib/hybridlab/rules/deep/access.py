"""The way in as NixOS makes it: sshd answers, root takes the admin's keys, and nobody else's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import Definition, at, numbers, part, texts
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.wording import listed

_HOMELAB = SpecPath.of("hosts", "homelab")
_KEYS_PATH = SpecPath.of("admin", "sshKeys")
_USER_PATH = SpecPath.of("admin", "user")
_PORT = 22
_SSHD = "services.openssh"
_SETTINGS = f"{_SSHD}.settings"
_KEY_FILES = f"{_SSHD}.authorizedKeysFiles"
_USERS = "users.users"
_KEYS = f"{_USERS}.*.openssh.authorizedKeys.keys"


@deep_rule(
    "NIX114",
    "no-sshd",
    summary="sshd does not answer where `deploy` and the admin look for it.",
    rationale="""hybridlab and the admin log in on port 22 of the spec's addresses, and the firewall
        opens that one alone. After such a deployment no other can follow; `deploy` takes a host back,
        but not a guest that only the admin uses.""",
    source="nixpkgs, nixos/modules/services/networking/ssh/sshd.nix; live/ssh.py",
    reads=(f"{_SSHD}.enable", f"{_SSHD}.ports", f"{_SSHD}.listenAddresses"),
    bad=Example("homelab", "services.openssh.ports = lib.mkForce [ 2222 ];", at=_HOMELAB),
    good=Example("homelab", "services.openssh.ports = [ 22 ];", at=_HOMELAB),
)
def no_sshd(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        for option, what in _no_answer(seen):
            yield Difference(
                seen.machine,
                f"{option} {what}",
                seen.machine.path,
                f"let sshd have port {_PORT} on the machine's addresses, beside whatever else it has",
                seen.nixos.defined(option),
                on_key=True,
            )


def _no_answer(seen: Seen) -> Iterator[tuple[str, str]]:
    nixos = seen.nixos
    if nixos.is_off(f"{_SSHD}.enable"):
        yield f"{_SSHD}.enable", "is false, so nobody can log in or deploy"
        return
    ports = numbers(nixos.value(f"{_SSHD}.ports"))
    if ports and _PORT not in ports:
        yield f"{_SSHD}.ports", f"is {listed(ports)}, and everybody looks for sshd on port {_PORT}"
    listens = nixos.value(f"{_SSHD}.listenAddresses")
    places = [_place(item, ports) for item in listens] if isinstance(listens, list) else []
    own = {"0.0.0.0", "[::]", "::", *(str(leg.address) for leg in seen.machine.legs)}
    if places and not any(address in own and _PORT in on for address, on in places):
        names = listed([address for address, _ in places])
        yield (
            f"{_SSHD}.listenAddresses",
            f"has {names}, so sshd is not on port {_PORT} of the machine's addresses",
        )


def _place(item: object, ports: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    port = part(item, "port")
    return str(part(item, "addr")), (port,) if isinstance(port, int) else ports


@deep_rule(
    "NIX115",
    "root-locked-out",
    summary="sshd refuses root, or does not look at root's keys.",
    rationale="""hybridlab logs in as root with one of `admin.sshKeys`. NixOS makes such a machine
        without a word, and its deployment is the last one.""",
    source="""sshd_config(5): PermitRootLogin, PubkeyAuthentication, AllowUsers, AllowGroups,
        AuthorizedKeysFile""",
    reads=(f"{_SSHD}.enable", _SETTINGS, _KEY_FILES, _KEYS),
    bad=Example(
        "homelab",
        'services.openssh.settings.PermitRootLogin = lib.mkForce "no";',
        at=_KEYS_PATH,
    ),
    good=Example("homelab", 'services.openssh.settings.AllowUsers = [ "alex" "root" ];', at=_KEYS_PATH),
)
def root_locked_out(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        if seen.nixos.is_off(f"{_SSHD}.enable"):
            continue
        for message, definitions in (*_refused(seen), *_keyless(cluster, seen)):
            yield Difference(
                seen.machine,
                f"{message}, so hybridlab can not log in as root",
                _KEYS_PATH,
                "take that out: root logs in by key alone anyway (PermitRootLogin is 'prohibit-password')",
                definitions,
                on_key=True,
            )


def _refused(seen: Seen) -> Iterator[tuple[str, tuple[Definition, ...]]]:
    settings = dict(seen.nixos.items(_SETTINGS))

    def because(key: str, text: str) -> tuple[str, tuple[Definition, ...]]:
        definitions = seen.nixos.defined(_SETTINGS, at(key))
        return f"{_SETTINGS}.{key} {text}", definitions

    if (login := settings.get("PermitRootLogin")) in ("no", False, "forced-commands-only"):
        yield because("PermitRootLogin", f"is {'no' if login is False else login!r}")
    if settings.get("PubkeyAuthentication") in (False, "no"):
        yield because("PubkeyAuthentication", "is false")
    for key, who in (("AllowUsers", "root"), ("AllowGroups", "root")):
        allowed = _patterns(settings.get(key))
        if allowed and not any(_fits(who, pattern) for pattern in allowed):
            yield because(key, f"has {listed(allowed)} and not {who}")
    for key, who in (("DenyUsers", "root"), ("DenyGroups", "root")):
        if any(_fits(who, pattern) for pattern in _patterns(settings.get(key))):
            yield because(key, f"has {who}")


def _patterns(value: object) -> tuple[str, ...]:
    return tuple(word for text in texts(value) for word in text.split())


def _fits(user: str, pattern: str) -> bool:
    """Return whether a pattern of sshd is for a user, from wherever (ssh_config(5), PATTERNS)."""
    return fnmatchcase(user, pattern.partition("@")[0])


def _keyless(cluster: Cluster, seen: Seen) -> Iterator[tuple[str, tuple[Definition, ...]]]:
    files = seen.nixos.texts(_KEY_FILES)
    # Where NixOS puts the keys of its options.
    if files and not any(file.startswith("/etc/ssh/authorized_keys.d/") for file in files):
        text = f"{_KEY_FILES} has {listed(files)} and not /etc/ssh/authorized_keys.d/%u"
        yield text, seen.nixos.defined(_KEY_FILES)
    keys = seen.nixos.value(_KEYS)
    if isinstance(keys, Mapping) and not {*cluster.admin.ssh_keys} & {*texts(keys.get("root"))}:
        definitions = seen.nixos.defined(_KEYS, lambda given: isinstance(part(given, "root"), list))
        yield f"{_USERS}.root has none of the keys of the spec", definitions


_NORMAL = f"{_USERS}.*.isNormalUser"
_GROUPS = f"{_USERS}.*.extraGroups"
_UID = f"{_USERS}.*.uid"


@deep_rule(
    "NIX116",
    "admin-differs",
    summary="The admin's account is not what the spec makes of it.",
    rationale="""A module has set the account's keys or groups anew: a person whose key is in the spec
        does not get in, or can do nothing there. sudo is for the group wheel, the GPU's devices are for
        render and video.""",
    source="emit/nixos/users.py; nixpkgs, nixos/modules/config/users-groups.nix",
    reads=(_KEYS, _NORMAL, _GROUPS),
    bad=Example("k8s-worker-1", "users.users.alex.extraGroups = lib.mkForce [ ];", at=_USER_PATH),
    good=Example("k8s-worker-1", 'users.users.alex.extraGroups = [ "docker" ];', at=_USER_PATH),
)
def admin_differs(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    user, wanted = cluster.admin.user, {*cluster.admin.ssh_keys}
    for seen in machines:
        keys, groups = dict(seen.nixos.items(_KEYS)), dict(seen.nixos.items(_GROUPS))
        found: list[tuple[str, str, SpecPath]] = []
        if dict(seen.nixos.items(_NORMAL)).get(user) is False:
            found.append((_NORMAL, "is no person's account (isNormalUser is false)", _USER_PATH))
        missing = len(wanted - {*texts(keys.get(user))})
        if keys and missing:
            text = f"lacks {missing} of {len(wanted)} keys of the spec"
            found.append((_KEYS, text, _KEYS_PATH))
        if user in groups and "wheel" not in texts(groups[user]):
            found.append((_GROUPS, "is not in the group wheel", _USER_PATH))
        for option, text, path in found:
            yield Difference(
                seen.machine,
                f"{_USERS}.{user} {text}",
                path,
                "take out what sets it anew (lib.mkForce): plain definitions are joined",
                seen.nixos.defined(option, at(user)),
                on_key=path == _KEYS_PATH,
            )


_PRIVILEGED = {
    "wheel": "sudo without a password",
    "docker": "docker's socket",
    "incus-admin": "incus",
    "lxd": "LXD",
    "libvirtd": "libvirt's socket",
    "disk": "the disks",
}


@deep_rule(
    "NIX117",
    "stranger-with-root",
    severity=Severity.WARNING,
    summary="Somebody who is not in the spec gets root's rights on a machine.",
    rationale="""A key that opens root, another account with uid 0, or one in a group that amounts to
        root: the spec says who administers the machines, and this is nobody of them. A key of an old
        laptop in a hand-written module is how it is found years later.""",
    source="""nixpkgs, nixos/modules/config/users-groups.nix; docker docs: the docker group grants
        root-level privileges""",
    reads=(_KEYS, _UID, _NORMAL, _GROUPS),
    bad=Example(
        "homelab",
        """
        users.users.root.openssh.authorizedKeys.keys = [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUcE0v3cGzpl0ZKeTzyTMVUHPVUhiLqBeHTMFOG1gcS old laptop"
        ];
        """,
        at=_KEYS_PATH,
    ),
    good=Example(
        "homelab",
        """
        users.users.guest.isNormalUser = true;
        users.users.guest.openssh.authorizedKeys.keys = [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUcE0v3cGzpl0ZKeTzyTMVUHPVUhiLqBeHTMFOG1gcS old laptop"
        ];
        """,
        at=_KEYS_PATH,
    ),
)
def stranger_with_root(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    admin = cluster.admin.user
    for seen in machines:
        for message, path, option, user in _strangers(cluster, seen):
            if path == _KEYS_PATH:
                hint = f"write the key below admin.sshKeys if it is one of {admin}'s, or take it out"
            else:
                hint = f"take it out, or waive NIX117 if {user} is to administer the machine"
            yield Difference(
                seen.machine,
                message,
                path,
                hint,
                seen.nixos.defined(option, at(user)),
                on_key=path == _KEYS_PATH,
            )


def _strangers(cluster: Cluster, seen: Seen) -> Iterator[tuple[str, SpecPath, str, str]]:
    admin, known = cluster.admin.user, {_material(key) for key in cluster.admin.ssh_keys}
    for user, keys in seen.nixos.items(_KEYS):
        if user in ("root", admin):
            for key in texts(keys):
                if _material(key) not in known:
                    what = f"{_USERS}.{user} takes the key {_short(key)}, which the spec does not have"
                    yield what, _KEYS_PATH, _KEYS, user
    for user, uid in seen.nixos.items(_UID):
        if uid == 0 and user != "root":
            yield f"{_USERS}.{user} has uid 0, which is root", _USER_PATH, _UID, user
    normal = dict(seen.nixos.items(_NORMAL))
    for user, groups in seen.nixos.items(_GROUPS):
        powers = [_PRIVILEGED[group] for group in texts(groups) if group in _PRIVILEGED]
        if user not in ("root", admin) and normal.get(user) is True and powers:
            what = f"{_USERS}.{user} has {listed(powers)} by its groups, and the admin of the spec is {admin}"
            yield what, _USER_PATH, _GROUPS, user


def _material(key: str) -> tuple[str, ...]:
    """Return what makes a public key, without its comment; what stands before it (options) makes another."""
    return tuple(key.split()[:2])


def _short(key: str) -> str:
    words = key.split()
    if len(words) < 2:
        return repr(key)
    return repr(" ".join((words[0], f"…{words[1][-8:]}", *words[2:])))


@deep_rule(
    "NIX118",
    "password-login",
    severity=Severity.WARNING,
    summary="sshd takes passwords, or more of root than a key.",
    rationale="""The spec's machines are opened by keys alone. A password can be guessed by everybody
        who reaches the port, and whoever logs in as root by one has the machine.""",
    source="emit/nixos/cluster.py; sshd_config(5): PasswordAuthentication, KbdInteractiveAuthentication",
    reads=(f"{_SSHD}.enable", _SETTINGS),
    bad=Example(
        "k8s-worker-1",
        "services.openssh.settings.PasswordAuthentication = lib.mkForce true;",
        at=SpecPath.of("admin"),
    ),
    good=Example(
        "k8s-worker-1",
        "services.openssh.settings.PasswordAuthentication = false;",
        at=SpecPath.of("admin"),
    ),
)
def password_login(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    weak: Mapping[str, tuple[object, ...]] = {
        "PasswordAuthentication": (True, "yes"),
        "KbdInteractiveAuthentication": (True, "yes"),
        "PermitRootLogin": (True, "yes"),
    }
    for seen in machines:
        if seen.nixos.is_off(f"{_SSHD}.enable"):
            continue
        settings = dict(seen.nixos.items(_SETTINGS))
        for key, values in weak.items():
            if settings.get(key) in values:
                yield Difference(
                    seen.machine,
                    f"{_SETTINGS}.{key} is {'yes' if key == 'PermitRootLogin' else 'true'}, and the spec "
                    "lets in keys alone",
                    SpecPath.of("admin"),
                    "take it out; a person without a key gets one into admin.sshKeys",
                    seen.nixos.defined(_SETTINGS, at(key)),
                    on_key=True,
                )
