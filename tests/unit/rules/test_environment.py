"""Variables of pods: where they lead, secrets in them, and Ollama's own; right ones are let be."""

import pytest

from hybridlab.diagnostic import SetValue, SpecPath
from own_manifests import container, found, in_default, several
from patched import report

SERVICE = in_default("v1", "Service", "db", "spec: {selector: {app: app}, ports: [{port: 5432}]}")
DB = "  db: {type: deployment, image: postgres:17.6, port: 5432}\n"
CHAT = "workloads.chat.env.X_URL"


def env(value: str, more: str = "", name: str = "X_URL", port: int = 8080) -> list[tuple[str, str]]:
    """Return what is said where workload `chat` has this variable, beside Ollama and `more`."""
    chat = f'  chat: {{type: deployment, image: "nginx:1.29.1", port: {port}, env: {{{name}: "{value}"}}}}\n'
    return [(one.code, str(one.path)) for one in report(f"workloads:\n{chat}{more}")]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("http://ollama.ollama.svc:11434/api", None),
        ("http://ollama.ollama.svc.cluster.local:11434", None),
        ("http://ollama.ollama:11434", None),
        ("http://ollama:11434", "WKL018"),
        ("ollama:11434", "WKL018"),
        ("redis:6379,ollama:11434", "WKL018"),
        ("http://user:word@ollama:11434/", "WKL018"),
        ("http://olama.ollama:11434", "WKL018"),
        ("http://olama.ollama:80", None),
        ("http://nas.lan:11434", None),
        ("http://ollama:80", None),
        ("http://ollama", None),
        ("ollama/ollama:11434", None),
        ("http://ollama:11434.example.org", None),
        ("http://homelab:11434", None),
        ("http://chat:8080", None),
        ("http://olama.ollama.svc:11434", "MAN049"),
        ("olama.ollama.svc", "MAN049"),
        ("database.database.svc:5432", "MAN049"),
        ("http://grafana.monitoring.svc:3000", None),
        ("http://ollama.ollama.svc:31434", "MAN015"),
        ("http://ollama.ollama.svc:11435", "MAN015"),
        ("http://10.0.20.5:31434", None),
        ("http://10.0.20.5:31435", "MAN015"),
        ("http://10.0.20.77:31434", "MAN015"),
        ("http://10.0.20.77:8080", None),
        ("http://10.0.20.1:31434", None),
        ("http://10.0.99.77:31434", None),
        ("https://10.0.20.11:6443", "MAN015"),
        ("http://10.244.0.7:80", "MAN014"),
        ("10.244.0.0/16", None),
        ("http://10.100.0.7:11434", "MAN014"),
    ],
)
def test_where_a_variable_leads(value: str, code: str | None) -> None:
    assert env(value) == ([] if code is None else [(code, CHAT)])


@pytest.mark.parametrize("vlan", ["devices: {vip: 10.0.20.77}", "dhcp: {from: 10.0.20.70, to: 10.0.20.80}"])
def test_somebody_else_may_have_an_address_that_no_machine_has(vlan: str) -> None:
    plan = f"networks: {{vlans: {{services: {{{vlan}}}}}}}\n"
    chat = 'chat: {type: deployment, image: "nginx:1.29.1", env: {X: "http://10.0.20.77:31434"}}'
    assert report(f"{plan}workloads: {{{chat}}}").diagnostics == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [("DB_HOST", "WKL018"), ("DB_HOSTNAME", "WKL018"), ("HOSTNAME", None), ("DB_TYPE", None)],
)
def test_a_host_alone_is_one_by_the_name_of_its_variable(name: str, code: str | None) -> None:
    assert env("db", DB, name) == ([] if code is None else [(code, f"workloads.chat.env.{name}")])


def test_a_name_is_put_right_where_one_service_is_meant() -> None:
    patch = 'workloads: {chat: {type: deployment, image: "nginx:1.29.1", env: {X: "http://ollama:11434"}}}'
    (one,) = report(patch)
    assert one.fix is not None
    assert one.fix.edits == (
        SetValue(SpecPath.of("workloads", "chat", "env", "X"), "http://ollama.ollama.svc:11434"),
    )
    second = "\n  other: {type: ollama, namespace: other, models: /var/lib/other}"
    alike = f"workloads:\n  chat: {{type: deployment, image: nginx:1.29.1, env: {{X: other:11434}}}}{second}"
    (one,) = report(alike)
    assert one.hint == "write other.other.svc:11434"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("http://localhost:11434", "WKL019"),
        ("http://127.0.0.1:11434/api", "WKL019"),
        ("http://[::1]:11434", "WKL019"),
        ("http://localhost:80", None),
        ("localhost", None),
    ],
)
def test_another_workload_at_localhost(value: str, code: str | None) -> None:
    name = "OLLAMA_BASE_URL"
    assert env(value, name=name) == ([] if code is None else [(code, f"workloads.chat.env.{name}")])


def test_a_part_of_the_program_itself_may_listen_there() -> None:
    assert env("http://localhost:11434", port=11434, name="OLLAMA_URL") == []
    # Nothing says that it is the database of the cluster.
    assert env("sqlite://localhost:5432", DB.replace("db:", "data:")) == []
    assert env("postgresql://localhost:5432/x", DB.replace("db:", "data:")) == [("WKL019", CHAT)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("PASSWORD", "hunter2", True),
        ("PGPASSWORD", "hunter2", True),
        ("APP__database__PASSWD", "hunter2", True),
        ("JWT_SECRET", "not so long", True),
        ("API_TOKEN", "ghp_16C7e42F292c6912", True),
        ("OPENAI_API_KEY", "sk-proj-4f9a8b7c6d5e", True),
        ("OPENAI_API_KEY", "dummy", False),
        ("OPENAI_API_KEY", "sk-no-key-required", False),
        ("MAX_TOKEN", "131072", False),
        ("ALLOW_EMPTY_PASSWORD", "yes", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD_FILE", "/run/secrets/password", False),
        ("DB_SECRET", "/run/secrets/password", False),
        ("DB_PASSWORD", "$(OTHER)", False),
        ("TLS_SECRET", "page-tls", False),
        ("CACHE_KEY", "page-4f9a8b7c6d5e", False),
        ("SECRET_KEY", "correct horse", True),
        ("VITE_API_KEY", "4f9a8b7c6d5e4f9a8b7c", False),
        ("NEXT_PUBLIC_API_TOKEN", "4f9a8b7c6d5e4f9a8b7c", False),
        ("ADMIN_PASSWORD", "$__file{/run/secrets/password}", False),
        ("ADMIN_PASSWORD", "vault:secret/data/page", False),
        ("ADMIN_PASSWORD", "op://home/page/password", False),
        ("PUBLIC_KEY", "4f9a8b7c6d5e4f9a8b7c", False),
        ("COMPASS", "north", False),
    ],
)
def test_a_secret_is_told_by_the_name_of_its_variable(name: str, value: str, said: bool) -> None:
    assert env(value, name=name) == ([("WKL020", f"workloads.chat.env.{name}")] if said else [])
    written = f'env: [{{name: {name}, value: "{value}"}}]'
    place = "0.spec.containers.0.env.0.name"
    assert found(container(written)) == ([("WKL020", place)] if said else [])


def test_what_names_a_secret_of_kubernetes_is_none() -> None:
    patch = """
workloads:
  page: {type: deployment, image: "nginx:1.29.1", env: {A: {secret: a}, AUTH_SECRET: page}}
  other: {type: deployment, image: "nginx:1.29.1", env: {AUTH_SECRET: page/page}}
"""
    assert report(patch).diagnostics == ()


def test_the_value_of_a_secret_is_never_shown() -> None:
    patch = 'workloads: {db: {type: deployment, image: "postgres:17.6", env: {DB_PASSWORD: hunter2}}}'
    for one in (*report(patch), *report(OWN_FOLDER, manifest=container(SECRET))):
        assert one.code == "WKL020"
        assert one.span is not None
        assert "hunter2" not in f"{one.message}{one.hint}{one.span.text}"


OWN_FOLDER = "workloads: {own: {type: manifests, folder: own}}"
SECRET = "env: [{name: DB_PASSWORD, value: hunter2}]"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("db:5432", False),
        ("app-0.db:5432", False),
        ("ollama:11434", True),
        ("ollama.ollama:11434", False),
    ],
)
def test_names_in_manifests_are_looked_up_in_their_namespace(value: str, said: bool) -> None:
    pod = container(f'env: [{{name: X, value: "{value}"}}]')
    place = "1.spec.containers.0.env.0.value"
    assert found(several(SERVICE, pod)) == ([("WKL018", place)] if said else [])


def test_a_pod_of_a_stateful_set_is_called_by_its_service() -> None:
    # There is a namespace `db`, too, with a Service on that port.
    spec = f"workloads:\n{DB}  own: {{type: manifests, folder: own}}"
    pod = container('env: [{name: X, value: "app-0.db:5432"}]')
    assert report(spec, manifest=several(SERVICE, pod)).diagnostics == ()
    assert [one.code for one in report(spec, manifest=pod)] == ["WKL018"]


def test_pods_with_a_search_list_of_their_own_are_let_be() -> None:
    searches = "dnsConfig: {searches: [ollama.svc.cluster.local]}"
    assert found(container('env: [{name: X, value: "ollama:11434"}]', searches)) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0.0.0.0", False),
        ("0.0.0.0:11434", False),
        ("http://0.0.0.0:11434/", False),
        ("'0.0.0.0'", False),
        (":11434", False),
        ("[::]", False),
        ("::", False),
        ("127.0.0.1", True),
        ("127.0.0.1:11434", True),
        ("localhost:11434", True),
        ("::1", True),
        ("[::1]:11434", True),
        ("", True),
        ("0.0.0.0:8080", True),
        ("http://0.0.0.0", True),
    ],
)
def test_where_ollama_listens(value: str, said: bool) -> None:
    place = "workloads.ollama.env.OLLAMA_HOST"
    patch = f'workloads: {{ollama: {{env: {{OLLAMA_HOST: "{value}"}}}}}}'
    assert [(one.code, str(one.path)) for one in report(patch)] == ([("WKL021", place)] if said else [])


@pytest.mark.parametrize(
    ("value", "said"),
    [("/root/.ollama/models", False), ("/root/.ollama", False), ("/models", True), ("", False)],
)
def test_where_ollama_keeps_its_models(value: str, said: bool) -> None:
    patch = f'workloads: {{ollama: {{env: {{OLLAMA_MODELS: "{value}"}}}}}}'
    assert [one.code for one in report(patch)] == (["WKL022"] if said else [])
