# shellcheck shell=bash
# Writes a record into the machine's log, as machine.py does.
note() {
  {
    /usr/bin/flock 9
    printf '%s\037' "${EPOCHREALTIME/,/.}" "$$" "$@" >&9
    printf '\0' >&9
  } 9>>/standin/machine/log
}
