#!/usr/bin/bash
# The first process of a machine: when it ends, all others do. It takes orders (machine.py) from a pipe.
set -u
cd /
export PATH=/standin/bin LC_ALL=C.UTF-8
read -r name </etc/hostname
/usr/bin/hostname "$name"
exec 3<>/standin/machine/orders
/standin/bin/boot </dev/null
/usr/bin/mkdir -p /run/sshd

# Its log and its messages are the test's to read.
start() { /usr/sbin/sshd -f /standin/machine/sshd/config -E /standin/machine/sshd/log </dev/null 3<&-; }
stop() {
  local pid
  read -r pid </run/sshd.pid && kill "$pid" && rm -f /run/sshd.pid
}
may_start() { ! [ -e /standin/machine/closed ] && ! [ -e /standin/machine/closed-by-system ]; }
may_start && start

while read -r order <&3; do
  case $order in
    open) may_start && ! [ -e /run/sshd.pid ] && start ;;
    close) stop ;;
    reboot) exit 0 ;;
  esac
done
