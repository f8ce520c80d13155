# Every task of this repository. Without `just` on the machine, ./just runs the same recipes.

set shell := ["sh", "-eu", "-c"]
set positional-arguments

# The package runs from the tree: nothing of ours is installed.
export PYTHONPATH := justfile_directory() / "pylib"

demo_folder := ".cache/demo"

[private]
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# Check the example, generate it into .cache/demo, and show what came out
demo:
    @rm -rf {{ demo_folder }}
    python3 -m hybridlab --spec cluster.yaml check
    python3 -m hybridlab --spec cluster.yaml generate --out {{ demo_folder }}
    cat {{ demo_folder }}/modules/generated/homelab/firewall.nix
    cat {{ demo_folder }}/k8s/ollama/service.yaml
    python3 -m hybridlab --spec cluster.yaml show nodes
    python3 -m hybridlab --spec cluster.yaml show openings

# Find every problem of cluster.yaml
[no-exit-message]
check *arguments:
    @python3 -m hybridlab check "$@"

# Write modules/generated, k8s and .sops.yaml; --check and --diff only look
[no-exit-message]
generate *arguments:
    @python3 -m hybridlab generate "$@"

# Show nodes, addresses, flows or openings, as a table or with --format json
[no-exit-message]
show *arguments:
    @python3 -m hybridlab show "$@"

# Deploy hosts with their guests over ssh; each ends on its new system or on the old one
[no-exit-message]
deploy *machines:
    @python3 -m hybridlab deploy "$@"

# Bring hosts back to an earlier generation of NixOS; --list shows what there is
[no-exit-message]
rollback *arguments:
    @python3 -m hybridlab rollback "$@"

# Show what would change in the cluster, and apply the manifests; --dry-run only shows
[no-exit-message]
apply *arguments:
    @python3 -m hybridlab apply "$@"

# Check the running machines against the spec; --list only shows what would be checked
[no-exit-message]
verify *arguments:
    @python3 -m hybridlab verify "$@"

# Say why a node has not joined: the first broken link, what the journal says, the fix
[no-exit-message]
diagnose node *arguments:
    @python3 -m hybridlab diagnose "$@"

# Find drift between spec, generated files, systems and cluster; --no-build does without Nix
[no-exit-message]
status *arguments:
    @python3 -m hybridlab status "$@"

# Log in to a machine, or run a command there: ssh NAME -- COMMAND
[no-exit-message]
ssh *arguments:
    @python3 -m hybridlab ssh "$@"

# Show the journal of a machine, or of units: logs NAME UNIT
[no-exit-message]
logs *arguments:
    @python3 -m hybridlab logs "$@"

# Fetch the admin's kubeconfig into a private file, and say how kubectl uses it
[no-exit-message]
kubeconfig *arguments:
    @python3 -m hybridlab kubeconfig "$@"

# Make, check and replace what the cluster keeps secret; secrets --help names the commands
[no-exit-message]
secrets *arguments:
    @python3 -m hybridlab secrets "$@"

# Ask every address of the machines, or of those named, whether it answers
[no-exit-message]
vm-ping *machines:
    @python3 -m hybridlab ping "$@"

# Twice as many workers as processors: many tests wait for machines.
# All tests, after lint; arguments go to pytest, as in: test tests/unit -k spec
test *arguments: lint
    python3 -m pytest --numprocesses "$(python3 -c 'import os; print(2 * (os.cpu_count() or 1))')" --dist worksteal "$@"

# Build Kubernetes for the tests, once, outside the tree (needs Go, some minutes); say where it is
kubernetes:
    @tests/programs/build kubernetes

# Style, types, and who may import whom
lint:
    ruff check .
    ruff format --check .
    mypy
    lint-imports --no-logo

# Format Python; and Nix, where nixfmt is
fmt:
    ruff check --fix-only .
    ruff format .
    if command -v nixfmt >/dev/null; then nixfmt flake.nix nix/*.nix modules/*.nix modules/shared/*.nix hardware/*.nix; fi

# Make the pages of docs/ that are made from the code
docs:
    python3 -m hybridlab.spec.page > docs/spec.md
    python3 -m hybridlab.rules.page > docs/rules.md
    python3 -m hybridlab schema > schema/cluster.schema.json
    python3 -m hybridlab --spec cluster.yaml verify --list --format markdown > docs/checklist.md
    @if command -v nix-instantiate >/dev/null; then \
      options=$(nix-instantiate --eval --strict --json nix/options.nix --arg lib 'import ./tests/nix/stand-in/nixpkgs/lib.nix'); \
      printf '%s' "$options" | python3 nix/options_page.py > docs/modules.md; \
    else \
      echo "docs/modules.md stays as it is: Nix, which reads the modules' options, is not here" >&2; \
    fi

# Record a deployment of the example and looks at it into docs/recording.md (needs root, Nix and sshd)
record:
    @PYTHONPATH="$PYTHONPATH:tests" unshare --net python3 -m live.recording > .cache/recording.md
    @mv .cache/recording.md docs/recording.md

# Damage thousands of homelabs, and check each: none may crash, hang or swell
hostile count="10000" seed="1":
    @PYTHONPATH="$PYTHONPATH:tests" HYBRIDLAB_DEBUG=1 python3 -m hostile "{{ count }}" "{{ seed }}"

# Hold check and other tools against the corpus, and write docs/corpus.md (needs Go, Nix and etcd; takes minutes)
corpus:
    @tests/programs/build kubernetes >/dev/null
    @tests/programs/build manifest-tools >/dev/null
    @PYTHONPATH="$PYTHONPATH:tests" python3 -m corpus.report

# Put small faults into the rules; say which no test notices (needs requirements/mutation.txt, takes an hour)
mutants *arguments:
    @PYTHONPATH="$PYTHONPATH:tests" python3 -m mutation "$@"

# Measure start-up, scale, manifests, verify and deploy
bench *names:
    python3 -m benchmarks "$@"

# Lock the packages with their hashes anew (needs uv); --upgrade takes newer ones
lock *arguments:
    uv pip compile --universal --generate-hashes --custom-compile-command 'just lock' --output-file requirements/run.txt "$@" pyproject.toml
    uv pip compile --universal --generate-hashes --custom-compile-command 'just lock' --output-file requirements/dev.txt --extra dev --constraints requirements/run.txt "$@" pyproject.toml
    uv pip compile --universal --generate-hashes --custom-compile-command 'just lock' --output-file requirements/mutation.txt --extra dev --extra mutation --constraints requirements/dev.txt "$@" pyproject.toml
