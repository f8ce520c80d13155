#!/usr/bin/bash
# Runs a real program that only reads the machine's files: written into the log, and a fault may befall it.
name=${0##*/}
if [ -s /standin/machine/faults ]; then
  exec /standin/bin/shim "$name" "$@"
fi
. /standin/code/live/standin/log.sh
note "$name" "$@"
exec -a "$name" "/usr/bin/$name" "$@"
