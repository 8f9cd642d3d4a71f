#!/bin/sh
# Container engines of the tests' own, beside whatever runs on this machine: sockets, images and logs in one folder.
#
#   sh cmake/engine.sh docker FOLDER    starts a Docker Engine that answers at FOLDER/docker.sock
#   sh cmake/engine.sh podman FOLDER    starts Podman's service, FOLDER/podman.sock
#   sh cmake/engine.sh both FOLDER      starts each in FOLDER/docker and FOLDER/podman; one that cannot be is no failure:
#                                       why not stands in FOLDER/docker.reason or FOLDER/podman.reason. And a small
#                                       registry, whose ports are in FOLDER/registry (tests/providers/registry.py)
#   sh cmake/engine.sh restart FOLDER   stops the Docker Engine of the folder, and starts it again
#   sh cmake/engine.sh stop FOLDER      stops what runs there or below, and removes the folder
#   sh cmake/engine.sh install          installs both (Debian)
#
# Prints nothing when it worked; else one line that says why not, and ends with 1. Both engines get the images
# local/busybox:1 (a shell and its tools, user root; also as busybox:1.36) and local/app:1 (the same, user 1234). No
# registry is asked.
set -eu

why_not() { printf '%s\n' "$*"; exit 1; }

install() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y \
    --no-install-recommends --no-remove docker.io iptables iproute2 podman runc busybox-static
}

# A folder with busybox alone in it, under all of its names.
make_root() {
  mkdir -p "$1/bin" "$1/tmp" "$1/etc" "$1/root" "$1/home/app"
  cp "$(command -v busybox)" "$1/bin/busybox"
  for name in $("$1/bin/busybox" --list); do
    [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
  done
  printf '%s\n' root:x:0:0:root:/root:/bin/sh app:x:1234:1234::/home/app:/bin/sh >"$1/etc/passwd"
}

make_images() {
  make_root "$folder/root"
  tar -C "$folder/root" -cf "$folder/root.tar" .
  rm -rf "$folder/root"
  "$@" import --change 'CMD ["sh","-c","echo the own entry of the image"]' "$folder/root.tar" local/busybox:1
  "$@" tag local/busybox:1 busybox:1.36
  "$@" import --change 'USER app' "$folder/root.tar" local/app:1
  rm "$folder/root.tar"
}

# wait_for COMMAND…: until it succeeds, or what was started in the background is dead.
wait_for() {
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return
    kill -0 "$engine" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

may_start() {
  [ "$(id -u)" = 0 ] || why_not "an engine of the tests' own needs root"
  for program in "$@"; do
    command -v "$program" >/dev/null || why_not "there is no $program here: sh cmake/engine.sh install"
  done
}

# A bridge of its own, and no rule of the firewall: ports are published by a proxy, and another Docker of this machine
# is left in peace.
make_bridge() {
  bridge=dst$$
  echo "$bridge" >"$folder/bridge"
  ip link add "$bridge" type bridge && ip address add "10.213.$(($$ % 256)).1/24" dev "$bridge" && ip link set "$bridge" up
}

launch_docker() {
  # Limits of its own: as root of a container it may not raise them.
  setsid dockerd --host "unix://$folder/docker.sock" --data-root "$folder/data" --exec-root "$folder/exec" \
    --pidfile "$folder/docker.pid" --bridge "$(cat "$folder/bridge")" --iptables=false --ip-masq=false \
    --default-ulimit nofile=20000:20000 >"$folder/log" 2>&1 </dev/null &
  engine=$!
  wait_for docker -H "unix://$folder/docker.sock" info || why_not "dockerd does not start here: $(tail -n 1 "$folder/log")"
}

start_docker() {
  may_start dockerd docker ip busybox
  mkdir -p "$folder"
  make_bridge 2>"$folder/log" || why_not "no bridge can be made for containers here: $(tail -n 1 "$folder/log")"
  launch_docker
  make_images docker -H "unix://$folder/docker.sock" >>"$folder/log" 2>&1 || why_not "docker cannot import an image"
}

restart_docker() {
  end_process "$(cat "$folder/docker.pid")"
  launch_docker
}

start_podman() {
  may_start podman runc busybox
  mkdir -p "$folder"
  cat >"$folder/containers.conf" <<END
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]
[engine]
runtime = "runc"
END
  for port in $(cat "$folder/../registry" 2>/dev/null); do
    printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port"
  done >"$folder/registries.conf"
  CONTAINERS_CONF=$folder/containers.conf
  CONTAINERS_REGISTRIES_CONF=$folder/registries.conf
  export CONTAINERS_CONF CONTAINERS_REGISTRIES_CONF
  set -- podman --root "$folder/data" --runroot "$folder/exec"
  make_images "$@" >"$folder/log" 2>&1 || why_not "podman cannot import an image: $(tail -n 1 "$folder/log")"
  setsid "$@" system service --time 0 "unix://$folder/podman.sock" >>"$folder/log" 2>&1 </dev/null &
  engine=$!
  echo "$engine" >"$folder/podman.pid"
  wait_for test -S "$folder/podman.sock" || why_not "podman does not start here: $(tail -n 1 "$folder/log")"
}

# Before Podman, which wants to be told of a registry without encryption.
start_registry() {
  command -v busybox python3 >/dev/null || return 0
  setsid python3 "$(dirname "$0")/../tests/providers/registry.py" "$(command -v busybox)" \
    >"$folder/registry" 2>"$folder/registry.log" </dev/null &
  engine=$!
  echo "$engine" >"$folder/registry.pid"
  wait_for test -s "$folder/registry" || why_not "no registry can be started: $(tail -n 1 "$folder/registry.log")"
}

start_both() {
  mkdir -p "$folder"
  rm -f "$folder"/*.reason
  start_registry
  for name in docker podman; do
    sh "$0" "$name" "$folder/$name" >"$folder/$name.reason" || :
  done
}

end_process() {
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 200); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
}

stop() {
  for file in "$folder"/*.pid "$folder"/*/*.pid; do
    [ -f "$file" ] || continue
    end_process "$(cat "$file")"
  done
  for file in "$folder"/bridge "$folder"/*/bridge; do
    [ -f "$file" ] && ip link delete "$(cat "$file")" 2>/dev/null || :
  done
  # What an engine mounted below its folder goes first.
  sed -n "s|^[^ ]* \\($folder/[^ ]*\\) .*|\\1|p" /proc/mounts | sort -r | while read -r mount; do
    umount -l "$mount" || :
  done
  rm -rf --one-file-system "$folder"
}

[ $# -ge 1 ] || why_not "usage: sh cmake/engine.sh docker|podman|both|restart|stop FOLDER, or install"
folder=${2-}
[ -n "$folder" ] || [ "$1" = install ] || why_not "which folder?"
case $1 in
  docker) start_docker ;;
  podman) start_podman ;;
  restart) restart_docker ;;
  stop) stop ;;
  both) start_both ;;
  install) install ;;
  *) why_not "unknown word '$1'" ;;
esac
