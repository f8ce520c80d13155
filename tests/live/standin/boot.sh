#!/bin/sh
# Starts a machine whose folder is $1, in mount, PID and UTS namespaces of its own (power.py); $2: the code.
set -eu
machine=$1 code=$2 root=$1/root
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in usr lib lib32 lib64 sbin; do
  if [ -L "/$folder" ]; then
    ln -sfn "$(readlink "/$folder")" "$root/$folder"
  elif [ -d "/$folder" ]; then
    mkdir -p "$root/$folder"
    mount --bind "/$folder" "$root/$folder"
    mount -o remount,bind,ro "$root/$folder"
  fi
done
mkdir -p "$root/dev" "$root/proc" "$root/standin/proc" "$root/standin/machine" "$root/standin/code/live/standin"
mount --rbind /dev "$root/dev"
mount --bind "$machine" "$root/standin/machine"
mount --bind "$code" "$root/standin/code/live/standin"

# /proc is what the test put there, and of the kernel's what programs can not do without.
mount -t proc proc "$root/standin/proc"
for name in self thread-self mounts stat meminfo uptime loadavg; do
  [ -e "$root/proc/$name" ] || ln -sfn "/standin/proc/$name" "$root/proc/$name"
done
exec chroot "$root" /usr/bin/bash /standin/code/live/standin/init.sh
