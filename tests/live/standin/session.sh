#!/usr/bin/bash
# What sshd runs for each command, as root's login shell: the command, after what the test planted.
. /standin/code/live/standin/log.sh
if [ -e /standin/machine/delay ]; then
  read -r delay </standin/machine/delay
  /usr/bin/sleep "$delay"
fi
if [ -e /standin/machine/connection ]; then
  # As if it came over the network of the model: sshd listens on loopback.
  read -r SSH_CONNECTION </standin/machine/connection
  export SSH_CONNECTION
fi
if [ -s /standin/machine/faults ]; then
  exec /standin/bin/shim session ${SSH_ORIGINAL_COMMAND+"$SSH_ORIGINAL_COMMAND"}
fi
note session ${SSH_ORIGINAL_COMMAND+"$SSH_ORIGINAL_COMMAND"}
if [ "${SSH_ORIGINAL_COMMAND+set}" ]; then
  exec /usr/bin/bash -c "$SSH_ORIGINAL_COMMAND"
fi
exec /usr/bin/bash -i
