#!/usr/bin/env bash
# Makes the Secrets of LIST in the cluster that KUBECONFIG is for, and removes those that it made earlier and
# that LIST no longer has. A line of LIST is a key of a Secret: namespace, name, key and the file with the value,
# with tabs between them. CLUSTER is the label that all of them carry.
#
# The arguments are no secrets: a value passes through pipes and a variable of this shell, and appears in no
# argument, variable of the environment, file or message. What kubectl says of a Secret that the server refuses
# names keys, not values.
set -euo pipefail
export LC_ALL=C

if [[ $# -lt 3 || $# -gt 4 ]]; then
  echo "usage: pod-secrets.sh KUBECONFIG CLUSTER LIST [SECONDS]" >&2
  exit 2
fi
kubeconfig=$1
cluster=$2
list=$3
# How long to wait for the API server. Not longer: a guest has booted once this unit has had its first try, and
# its host, which waits for that, loses patience after 150 s (startupTimeout of microvm.nix).
patience=${4:-30}

part_of="app.kubernetes.io/part-of=$cluster"
managed_by="app.kubernetes.io/managed-by=hybridlab-pod-secrets"
mark=hybridlab-restart

# Without a cache: a unit has no home, and kubectl would write to /.kube.
kube() {
  kubectl --kubeconfig="$kubeconfig" --cache-dir=/dev/null --request-timeout=30s "$@"
}

complain() {
  echo "pod secrets: $1" >&2
}

wait_for_server() {
  # SECONDS counts full seconds of the clock: the first may be over at once.
  local end=$((SECONDS + patience)) answer
  until answer=$(kube --request-timeout=5s get --raw=/readyz 2>&1); do
    if ((SECONDS > end)); then
      complain "the API server was not ready for $patience s: ${answer##*$'\n'}"
      return 1
    fi
    sleep 1
  done
}

# Leaves a namespace as it is: who applies its manifest owns its fields.
make_namespace() {
  local found
  found=$(kube get namespace "$1" --ignore-not-found --output=name) || return 1
  [[ -n $found ]] || kube create namespace "$1"
}

# Prints the Secret NAME in NAMESPACE from --from-file arguments.
manifest_of() {
  kube create secret generic "$2" --namespace="$1" "${@:3}" --dry-run=client --output=json |
    kube label --local --filename=- "$part_of" "$managed_by" --output=json
}

apply() {
  kube apply --server-side --field-manager=hybridlab-pod-secrets --force-conflicts --filename=- "$@"
}

# Makes the Secret NAME in NAMESPACE what it ought to be, and restarts the Deployment of that name if a value is
# another one: a running container keeps the variables that it has. For a new Secret its pods have waited.
#
# The Secret is marked before it changes, and until its Deployment is restarted: killed in between, the next run
# knows what is left to do.
bring() {
  local namespace=$1 name=$2 manifest before after marked deployment
  make_namespace "$namespace" || return 1
  # Read once, so that a file cannot change between looking and applying. Not exported.
  manifest=$(manifest_of "$@") || return 1

  before=$(kube get secret "$name" --namespace="$namespace" --ignore-not-found --output='jsonpath={.data}' |
    sha256sum) || return 1
  if [[ $before != "$nothing" ]]; then
    # What it would become, with keys that are somebody else's.
    after=$(printf '%s' "$manifest" | apply --dry-run=server --output='jsonpath={.data}' | sha256sum) || return 1
    if [[ $before != "$after" ]]; then
      kube annotate secret "$name" --namespace="$namespace" --overwrite "$mark=pending" || return 1
    fi
  fi

  marked=$(printf '%s' "$manifest" | apply --output="jsonpath={.metadata.annotations.$mark}") || return 1
  [[ -n $marked ]] || return 0
  deployment=$(kube get deployment "$name" --namespace="$namespace" --ignore-not-found --output=name) || return 1
  [[ -z $deployment ]] || kube rollout restart "$deployment" --namespace="$namespace" || return 1
  kube annotate secret "$name" --namespace="$namespace" "$mark-"
}

# Removes what an earlier run made and nobody lists.
remove_others() {
  local found namespace name
  found=$(kube get secrets --all-namespaces --selector="$part_of,$managed_by" \
    --output='jsonpath={range .items[*]}{.metadata.namespace}{"\t"}{.metadata.name}{"\n"}{end}') || return 1
  while IFS=$'\t' read -r namespace name; do
    if [[ -n $name && -z ${files[$namespace/$name]:-} ]]; then
      kube delete secret "$name" --namespace="$namespace" --ignore-not-found || return 1
    fi
  done <<<"$found"
}

nothing=$(sha256sum </dev/null)
failed=0
# By namespace/name: the arguments of kubectl, and whether a file is missing.
declare -A files=() incomplete=()

while IFS=$'\t' read -r namespace name key path; do
  target=$namespace/$name
  # Neither keys nor paths have blanks: pod-secrets.nix sees to that.
  files[$target]+="--from-file=$key=$path "
  problem=
  if [[ ! -f $path ]]; then
    problem="does not exist: was the secret decrypted on this machine?"
  elif [[ ! -r $path ]]; then
    problem="is not readable"
  elif [[ ! -s $path ]]; then
    problem="is empty"
  fi
  if [[ -n $problem ]]; then
    complain "$path, for $key of $target, $problem"
    incomplete[$target]=1
    failed=1
  fi
done <"$list"

wait_for_server || exit 1

for target in "${!files[@]}"; do
  [[ -z ${incomplete[$target]:-} ]] || continue
  read -ra arguments <<<"${files[$target]}"
  if ! bring "${target%/*}" "${target#*/}" "${arguments[@]}"; then
    complain "$target could not be brought into the cluster"
    failed=1
  fi
done

remove_others || failed=1
exit "$failed"
