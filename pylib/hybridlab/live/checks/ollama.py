"""Checks of Ollama: that it answers, which models it has, and that those it has loaded are in GPU memory.

Formats: ollama/ollama, docs/api.md. It is asked through the API server, so that it matters not where one is;
only to have a model loaded, its NodePort is asked from here.
"""

import json
from collections.abc import Iterator

from hybridlab.live.checks import answers, services
from hybridlab.live.checks.answers import (
    NotUnderstoodError,
    Object,
    parse_json,
    said,
    shorten,
    text,
    understanding,
)
from hybridlab.live.checks.check import (
    Check,
    Failed,
    Http,
    HttpAnswer,
    Key,
    Ok,
    Phase,
    Refused,
    Remote,
    Skipped,
    Verdict,
)
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import Ollama
from hybridlab.spec.scalars import in_url

# Loading gigabytes from a slow disk, and one word on a slow GPU.
_PROMPT_SECONDS = 600


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of every Ollama; none of them has a model loaded."""
    for workload in cluster.workloads:
        if isinstance(workload, Ollama):
            yield _answers(cluster, workload)
            if workload.gpus:
                yield _on_gpu(cluster, workload)


def prompt(cluster: Cluster, workload: Ollama, model: str) -> Check:
    """Return the check that a model answers, and does so in GPU memory.

    It has the model loaded, which takes minutes and gigabytes: only for who asks for it.
    """
    url = _url(cluster, workload)
    key, title = Key("ollama.prompt", None, f"{workload.name} {model}"), f"model {model} answers on the GPU"
    if url is None:
        reason = f"{workload.name} has no NodePort at which it could be asked from here"
        return Check(key, Phase.WORKLOADS, title, (), lambda: Skipped(reason))
    asked = {"model": model, "prompt": "Say yes.", "stream": False, "options": {"num_predict": 1}}

    @understanding
    def judge(answer: HttpAnswer | Refused, loaded: HttpAnswer | Refused) -> Verdict:
        for one in (answer, loaded):
            if isinstance(one, Refused):
                return Failed("an answer", one.how, _logs(workload))
        assert isinstance(answer, HttpAnswer) and isinstance(loaded, HttpAnswer)
        if answer.status == 404:
            pull = f"`kubectl exec --namespace={workload.namespace} deployment/{workload.name} -- ollama pull"
            return Failed("an answer", _error(answer.body), f"{pull} {model}`")
        if answer.status != 200:
            return Failed("an answer", f"HTTP {answer.status}: {_error(answer.body)}", _logs(workload))
        found = [
            one for one in _models(loaded.body) if model in (_name(one), _name(one).removesuffix(":latest"))
        ]
        if not found:
            return Failed(f"{model} loaded", "it is not among what is loaded", _logs(workload))
        if not workload.gpus:
            return Ok("it answers")
        return _in_gpu_memory(workload, found)

    return Check(
        key,
        Phase.WORKLOADS,
        title,
        (
            Http(f"{url}/api/generate", post=json.dumps(asked), seconds=_PROMPT_SECONDS),
            Http(f"{url}/api/ps"),
        ),
        judge,
        (_key(workload, "ollama.answers"),),
    )


def _key(workload: Ollama, code: str) -> Key:
    return Key(code, None, workload.name)


def _url(cluster: Cluster, workload: Ollama) -> str | None:
    exposure = next((e.exposure for e in workload.endpoints if e.exposure is not None), None)
    nodes = {node.name: node.address for node in cluster.nodes}
    address = next((nodes[name] for name in workload.nodes if name in nodes), cluster.nodes[0].address)
    if exposure is None:
        return None
    return f"http://{in_url(address)}:{exposure.node_port}"


def _look(cluster: Cluster, workload: Ollama, path: str) -> Remote:
    service = f"{workload.name}:{workload.endpoints[0].name}"
    raw = f"/api/v1/namespaces/{workload.namespace}/services/{service}/proxy{path}"
    return answers.kubectl(cluster, "get", f"--raw={raw}", fine=(0, 1))


def _answers(cluster: Cluster, workload: Ollama) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        if output.status:
            return Failed("an answer", said(output), _logs(workload))
        names = [_name(model) for model in _models(output.stdout)]
        return Ok(f"it has {', '.join(names)}" if names else "it has no model yet")

    return Check(
        _key(workload, "ollama.answers"),
        Phase.WORKLOADS,
        f"{workload.name} answers at /api/tags",
        (_look(cluster, workload, "/api/tags"),),
        judge,
        (services.endpoints_ready(workload),),
    )


def _on_gpu(cluster: Cluster, workload: Ollama) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        if output.status:
            return Failed("an answer", said(output), _logs(workload))
        loaded = _models(output.stdout)
        if not loaded:
            return Skipped("no model is loaded: `hybridlab verify --prompt MODEL` has one loaded")
        return _in_gpu_memory(workload, loaded)

    return Check(
        _key(workload, "ollama.gpu"),
        Phase.WORKLOADS,
        f"what {workload.name} has loaded is in GPU memory",
        (_look(cluster, workload, "/api/ps"),),
        judge,
        (_key(workload, "ollama.answers"),),
    )


def _in_gpu_memory(workload: Ollama, loaded: list[Object]) -> Verdict:
    """Judge whether all of these are there, by what Ollama makes of its runner's log.

    None of it there is sure. How much of it is not: before ollama#16709 what is mapped into memory counts
    twice. And that all of it is there, it also says where the log tells no more.
    """
    sizes = {_name(model): (_bytes(model, "size_vram"), _bytes(model, "size")) for model in loaded}
    if unknown := [name for name, (_, whole) in sizes.items() if not whole]:
        raise NotUnderstoodError(f"Ollama says that {', '.join(unknown)} has no size")
    outside = {name: (there, whole) for name, (there, whole) in sizes.items() if there != whole}
    if not outside:
        return Ok(f"all, by Ollama's count: {', '.join(sizes)}")
    advice = []
    if any(not there for there, _ in outside.values()):
        advice.append(
            f'what has none there is on the CPU: {_logs(workload)}, near "inference compute", says which '
            f"GPUs Ollama found, and `hybridlab verify --phase gpu` what keeps it from one"
        )
    if any(there for there, _ in outside.values()):
        advice.append(
            f"a part may be all of it, for what is mapped into memory may count twice (ollama#16709): "
            f'{_logs(workload)}, near "offloaded", says how many layers are on the GPU; if not all, its '
            f"memory is too small"
        )
    return Failed(
        "wholly in GPU memory",
        ", ".join(
            f"{name}: {f'{there / 2**30:.1f}' if there else 'none'} of {whole / 2**30:.1f} GiB"
            for name, (there, whole) in outside.items()
        ),
        "; ".join(advice),
    )


def _bytes(model: Object, key: str) -> int:
    size = model.get(key, 0 if key == "size_vram" else None)
    if type(size) is not int or not 0 <= size < 2**63:
        raise NotUnderstoodError(f"Ollama says no {key} of {_name(model)}")
    return size


def _models(body: str) -> list[Object]:
    models = mapping(parse_json(body)).get("models")
    if not isinstance(models, list):
        raise NotUnderstoodError(f"this is no answer of Ollama's: {shorten(body)[:60]}")
    return [mapping(model) for model in items(models)]


def _name(model: Object) -> str:
    return text(model, "name") or text(model, "model")


def _error(body: str) -> str:
    try:
        return text(parse_json(body), "error") or shorten(body)
    except NotUnderstoodError:
        return shorten(body)


def _logs(workload: Ollama) -> str:
    return f"`kubectl logs --namespace={workload.namespace} deployment/{workload.name}`"
