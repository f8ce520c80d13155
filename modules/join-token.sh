#!/usr/bin/env bash
# Delivers the join token from SOURCE to TARGET, for OWNER alone. The arguments are no secrets: the token
# itself appears in no argument, variable of the environment or message.
#
# Only 32 hex digits pass. cfssl takes an empty token for a valid one and signs for anybody, and does not
# start with one that is not hex; nixpkgs' join script wants exactly 32 characters.
set -euo pipefail
# The ranges below mean ASCII, whatever the locale.
export LC_ALL=C

fail() {
  echo "join token: $1" >&2
  exit 1
}

if [[ $# -ne 3 ]]; then
  echo "usage: join-token.sh SOURCE TARGET OWNER" >&2
  exit 2
fi
source=$1
target=$2
owner=$3

[[ -f $source ]] || fail "$source does not exist: was the secret decrypted on this machine?"
[[ -r $source ]] || fail "$source is not readable"
token=$(<"$source")
token=${token%$'\r'}
[[ -n $token ]] || fail "$source is empty"
[[ $token =~ ^[0-9a-fA-F]+$ ]] || fail "$source holds something other than hex digits"
[[ ${#token} -eq 32 ]] || fail "$source holds ${#token} hex digits, expected 32"

directory=$(dirname "$target")
if [[ ! -d $directory ]]; then
  mkdir -p "$directory"
  chown "$owner:" "$directory"
fi

# Whoever killed an earlier run between writing and renaming left a draft with a token in it.
rm -f "$directory"/.join-token.??????

# Written beside the target and renamed, so that no reader ever sees half a token.
umask 077
draft=$(mktemp "$directory/.join-token.XXXXXX")
trap 'rm -f "$draft"' EXIT
printf '%s\n' "${token,,}" >"$draft"
chown "$owner:" "$draft"
chmod 0400 "$draft"
mv -fT "$draft" "$target"
