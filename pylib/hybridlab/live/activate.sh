#!/bin/sh
# Makes a machine run another system of NixOS, and takes that back by itself unless it is told in time that the
# machine can be reached and is well. Runs on the machine, as a unit of its own: no connection holds it up.
#
#   activate run    FOLDER SYSTEM REACH KEEP [GENERATION]
#   activate settle FOLDER
#
# FOLDER is this attempt's own. In it, whoever deploys puts the files `reached` and `keep`, or `back`; the file
# `outcome` says in its first word how far this has come. REACH and KEEP are seconds: for `reached` after the
# activation, and for `keep` after that. GENERATION is the number that SYSTEM has in the profile already, if
# it goes back to one. `settle` takes back what a `run` that was killed has left open.
#
# Until it is kept, neither the profile nor the boot loader knows of SYSTEM: a machine that restarts in between
# comes back with what it had.
set -u
PATH=$PATH:/run/current-system/sw/bin
profile=/nix/var/nix/profiles/system

mode=$1
folder=$2

# Whole or not at all: a reader sees the old outcome or the new one.
tell() {
  printf '%s\n' "$*" >"$folder/outcome.new" && mv -f "$folder/outcome.new" "$folder/outcome"
}

# 4: it is activated, and some unit did not start, as those that wait for the cluster. Whether the machine is
# well is found out by looking at it.
activate() {
  "$1/bin/switch-to-configuration" test
  case $? in
  0 | 4) return 0 ;;
  *) return 1 ;;
  esac
}

go_back() {
  old=$(cat "$folder/old")
  tell "reverting $1"
  # What is still activating holds the lock of switch-to-configuration.
  attempt=0
  until activate "$old"; do
    attempt=$((attempt + 1))
    if [ "$attempt" -ge 10 ]; then
      tell "stuck the old system could not be activated again"
      exit 1
    fi
    sleep 3
  done
  tell "reverted $1"
  exit 1
}

# As `go_back`, if the profile or the boot loader may know of the new system already.
unmake() {
  # The number in `system-42-link`.
  number=$(sed -n 's/^system-\([0-9]*\)-link$/\1/p' "$folder/profile")
  if [ -n "$number" ] && nix-env --profile "$profile" --switch-generation "$number" &&
    "$(cat "$folder/old-profile")/bin/switch-to-configuration" boot; then
    go_back "$1"
  fi
  tell "stuck the profile or the boot loader could not be put back"
  exit 1
}

case $mode in
settle)
  [ -f "$folder/outcome" ] || exit 0
  read -r word _ <"$folder/outcome"
  case $word in
  kept | reverted | stuck) exit 0 ;;
  keeping) unmake "what was to keep the new system was ended" ;;
  *) go_back "what was to activate the new system was ended" ;;
  esac
  ;;
run) ;;
*) exit 2 ;;
esac

new=$3
reach=$4
keep=$5
generation=${6-}

readlink -f /run/current-system >"$folder/old" || exit 1
readlink "$profile" >"$folder/profile"
readlink -f "$profile" >"$folder/old-profile"

tell activating
activate "$new" || go_back "the new system could not be activated"

# `wait_for FILE SECONDS`: until the file is there; 1 when the time is over, 2 if it shall go back.
wait_for() {
  left=$2
  while [ ! -e "$folder/$1" ]; do
    if [ -e "$folder/back" ]; then
      return 2
    fi
    if [ "$left" -le 0 ]; then
      return 1
    fi
    left=$((left - 1))
    sleep 1
  done
}

tell activated
wait_for reached "$reach"
case $? in
1) go_back "nobody came in over a new connection within $reach s" ;;
2) go_back "it was told to" ;;
esac

tell reached
wait_for keep "$keep"
case $? in
1) go_back "nobody said within $keep s that the machine is well" ;;
2) go_back "it was told to" ;;
esac

if [ -n "$generation" ]; then
  set -- --switch-generation "$generation"
else
  set -- --set "$new"
fi

tell keeping
if nix-env --profile "$profile" "$@" && "$new/bin/switch-to-configuration" boot; then
  tell kept
else
  unmake "it could not be made what the machine starts with"
fi
