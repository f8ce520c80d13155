"""What docs/corpus.md says beside its tables."""

HEAD = """\
<!-- Made by `./just corpus`: do not edit. After a change of the corpus or of a rule,
`HYBRIDLAB_UPDATE=1 ./just test tests/corpus/test_report.py` brings hybridlab's own figures up to date. -->

# The corpus

How much `hybridlab check` sees of what goes wrong in homelabs, beside other tools: {accidents} faulty
clusters, each one accident on one of {bases} good ones of different shape; and {good} good clusters, those
among them, on which nothing may fire. They lie in [tests/corpus](../tests/corpus/README.md). {sourced} of
the accidents name where one like it has happened, or how we know that it is one.

The corpus and the rules have the same authors, and what was missed in it has been made rules since: the
figures say what is seen of accidents that somebody has thought of.
"""

HOW_TO_ADD = """\
## A case in five lines

```yaml
base: plan
what: k8s-worker-2 was copied from k8s-worker-1 and kept its address
layers: [network, kubernetes]
edits: [{find: "address: 10.0.20.12", put: "address: 10.0.20.11"}]
expect: [{code: NET001, at: guests.k8s-worker-2.address, under: 10.0.20.11}]
```

Save it as `tests/corpus/faulty/NAME.yaml`, and run `./just test tests/corpus -k NAME`. The
[README](../tests/corpus/README.md) there names the other keys. A fault that hybridlab does not see is a
case like any other: `expect: []`, and `missed` says why.
"""

HOW_MADE = """\
## How the figures are made

**hybridlab** sees an accident if the first diagnostic that its case expects is reported: its code, at its
place in the spec, over its text. If only something else is said, it is seen elsewhere; if nothing,
missed. The tests make this page anew, and fail where it is not what stands here.

**The others** get what would be generated of the faulty cluster if `check` did not refuse it: the
manifests in `k8s/`, the user's own among them, or the NixOS modules. One of them sees an accident if it
says something that it does not say of the good base, by the object, its rule and its words; it is not
asked whether that is about the accident. Of an object that the accident adds, only a rule counts that the
whole base keeps: else whoever always complains would see everything. Of {silent} accidents nothing can be
generated, since the spec can not be read or has names that refer to nothing: of these the others see
nothing, and hybridlab reports just that. Shares are rounded down.

They are not made for this. Most accidents give well-formed manifests and modules, which do not fit each
other or the machines. So each is judged, too, on the {visible} accidents alone that by their case can be
seen by who reads the manifests and nothing else{unseen}. What they say of good clusters counts as false
alarms, though much of it is advice (kube-score asks for probes, limits and network policies) or a kind
that somebody else defines.

They were run on {made} by `./just corpus`, which needs Go, Nix and etcd, and builds what it runs:

{tools}

Not here: kube-linter, pluto and polaris, whose Go modules could not be had where this page is made;
kubenix and nixidy, which check what is written in Nix while it is evaluated, and need nixpkgs from the
network. Those two were tried by hand before, on five faults across layers, and accepted all five.
"""
