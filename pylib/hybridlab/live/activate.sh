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
# comes back with what it had. The mark is there from begin to end, also over a restart, and keeps SYSTEM from
# being collected as garbage.
set -u
PATH=$PATH:/run/current-system/sw/bin
profile=/nix/var/nix/profiles/system
mark=/nix/var/nix/gcroots/hybridlab

mode=$1
folder=$2

# Whole or not at all: a reader sees the old outcome or the new one.
tell() {
  printf '%s\n' "$*" >"$folder/outcome.new" && mv -f -T "$folder/outcome.new" "$folder/outcome"
}

# It has ended as it should. `sync`: a power cut must not bring back what is over.
end() {
  sync
  rm -f "$mark"
  tell "$@"
}

# 4: it is activated, and some unit did not start, as those that wait for the cluster. Whether the machine is
# well is found out by looking at it.
activate_new() {
  attempt=0
  while :; do
    "$new/bin/switch-to-configuration" test
    case $? in
    0 | 4) return 0 ;;
    # Another switch holds the lock: to go back now would undo that one.
    11) [ "$attempt" -lt 24 ] || return 1 ;;
    *) return 1 ;;
    esac
    attempt=$((attempt + 1))
    sleep 5
  done
}

# Checks that come before a switch may ask for what the new system has ended, as the network. 2: a part of its
# activation failed, and all the rest was done: it will not be better for trying again.
activate_old() {
  NIXOS_NO_CHECK=1 "$old/bin/switch-to-configuration" test
  case $? in
  0 | 2 | 4) return 0 ;;
  *) return 1 ;;
  esac
}

run_old() {
  # What is still activating holds the lock of switch-to-configuration.
  attempt=0
  until activate_old; do
    attempt=$((attempt + 1))
    if [ "$attempt" -ge 60 ]; then
      tell "stuck the old system could not be activated again"
      exit 1
    fi
    sleep 5
  done
}

go_back() {
  tell "reverting $1"
  run_old
  end "reverted $1"
  exit 1
}

# As `go_back`, if the profile or the boot loader may know of the new system already.
unmake() {
  if [ -n "$old_number" ] && nix-env --profile "$profile" --switch-generation "$old_number" &&
    NIXOS_NO_CHECK=1 "$old_profile/bin/switch-to-configuration" boot; then
    go_back "$1"
  fi
  run_old
  tell "stuck the old system runs, but the profile or the boot loader could not be put back"
  exit 1
}

case $mode in
settle)
  [ -f "$folder/outcome" ] || exit 0
  { read -r old && read -r old_profile && read -r old_number; } <"$folder/before" || exit 1
  read -r word _ <"$folder/outcome"
  case $word in
  kept | reverted | stuck) exit 0 ;;
  esac
  # A machine that shuts down starts with what it had, if nothing else is known to the boot loader.
  if [ "$word" != keeping ] && [ "$(systemctl is-system-running)" = stopping ]; then
    exit 0
  fi
  case $word in
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

# In variables, too: to go back takes nothing that could be gone.
old=$(readlink -f /run/current-system) || exit 1
old_profile=$(readlink -f "$profile") || exit 1
old_number=$(readlink "$profile") || exit 1
# The number in `system-42-link`, if it is one.
old_number=${old_number#system-}
old_number=${old_number%-link}
case $old_number in
*[!0-9]*) old_number= ;;
esac

printf '%s\n' "$old" "$old_profile" "$old_number" >"$folder/before" || exit 1
ln -sfn "$new" "$mark" || exit 1
# Who can not tell how far it is must not begin.
tell activating || exit 1
activate_new || go_back "the new system could not be activated"

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

tell keeping || go_back "there is no room to say that it is kept"
if nix-env --profile "$profile" "$@" && "$new/bin/switch-to-configuration" boot; then
  end kept
else
  unmake "it could not be made what the machine starts with"
fi
