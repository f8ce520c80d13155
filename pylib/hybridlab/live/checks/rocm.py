"""Whether the programs of ROCm on a host see its GPU, as people who log in use them; pods bring their own."""

import json
import re
from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.probe import Output, read
from hybridlab.model.node import Gpu, Host

# ROCm's OpenCL leaves these chips aside without ROC_ENABLE_PRE_VEGA, which we set nowhere.
_BEFORE_VEGA = ("gfx6", "gfx7", "gfx8")
# What rocm_smi.py says where it finds none.
_NONE = ("not initialized", "No AMD GPUs", "No DRM devices", "WARNING: No JSON data")


def rocm_checks(host: Host, gpu: Gpu, needs: Key) -> Iterator[Check]:
    """Yield the checks of what programs see, once the check `needs` is well."""
    name = host.name
    yield Check(
        Key("gpu.rocm-smi", name),
        Phase.GPU,
        f"rocm-smi sees {count_of(gpu, 'GPU')}",
        # Without a GPU some versions end with 1, and with 2 if one of them lacks something that they ask for.
        (Remote(name, read("rocm-smi", "--showproductname", "--json", seconds=20, fine=(0, 1, 2))),),
        partial(_judge_rocm_smi, host, gpu),
        (needs,),
    )
    if gpu.model.chip.startswith(_BEFORE_VEGA):
        return
    yield Check(
        Key("gpu.opencl", name),
        Phase.GPU,
        f"clinfo sees {count_of(gpu, 'GPU')}",
        # Without a platform it ends with 1, that of ROCm with 255.
        (Remote(name, read("clinfo", seconds=30, fine=(0, 1, 255))),),
        partial(_judge_clinfo, host, gpu),
        (needs,),
    )


def count_of(gpu: Gpu, what: str) -> str:
    """Return how many of something there are, with one for each GPU of the host."""
    return f"a {what}" if gpu.count == 1 else f"{gpu.count} {what}s"


def _judge_rocm_smi(host: Host, gpu: Gpu, output: Output) -> Verdict:
    advice = f"on {host.name}: `rocm-smi --showallinfo`, and `rocminfo` for another view, say what is amiss"
    # It ends with 0 also when there is no driver, and may warn before the answer.
    text = output.stdout
    start = text.find("{")
    if start < 0:
        said = f"{text}\n{output.stderr}"
        if any(words in said for words in _NONE):
            return Failed(f"rocm-smi sees {count_of(gpu, 'GPU')}", "it sees none", advice)
        return CouldNotLook("rocm-smi answers no JSON")
    try:
        seen, _ = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return CouldNotLook("rocm-smi answers broken JSON")
    cards = {key: value for key, value in seen.items() if re.fullmatch(r"card\d+", key)}
    if len(cards) >= gpu.count:
        return Ok("; ".join(_product(value) for value in cards.values()))
    return Failed(f"rocm-smi sees {count_of(gpu, 'GPU')}", f"{len(cards)} of them", advice)


def _product(card: object) -> str:
    texts = card if isinstance(card, dict) else {}
    names = [texts.get(key) for key in ("Card Series", "Card series", "GFX Version")]
    return " ".join(str(name) for name in names if name and name != "N/A") or "a card without a name"


def _judge_clinfo(host: Host, gpu: Gpu, output: Output) -> Verdict:
    if not output.stdout.strip() and not output.stderr.strip():
        return CouldNotLook("clinfo says nothing")
    # Both clinfos: `Device Name   gfx1103`, and that of ROCm, `Name:   gfx1103`.
    found = tuple(
        dict.fromkeys(re.findall(r"^\s*(?:Device )?Name:?\s+(gfx\w+)", output.stdout, re.MULTILINE))
    )
    overridden = gpu.model.environment.get("HSA_OVERRIDE_GFX_VERSION", "")
    # A user may have set the variable for login shells: then ROCm takes the chip for its relative.
    known = {gpu.model.chip, f"gfx{overridden.replace('.', '')}"}
    if known & {*found}:
        return Ok(", ".join(found))
    return Failed(
        f"OpenCL device {gpu.model.chip}",
        ", ".join(found) or "no OpenCL device of ROCm",
        f"on {host.name}: `ls /run/opengl-driver/etc/OpenCL/vendors` shows whether ROCm's is there "
        f"(hardware.graphics.extraPackages, modules/amd-gpu.nix), `clinfo` what it complains of",
    )
