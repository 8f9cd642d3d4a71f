#!/bin/sh
# A virtual machine with systemd and control groups of version 2 alone, for the tests of limits: as root with and
# without systemd, and as users that systemd makes groups for, or does not.
#
#   sh cmake/scripts/machine.sh install         installs what it needs (Debian)
#   sh cmake/scripts/machine.sh test [BUILD]    runs them with what is built there (build/dev); ends with 77 where it cannot
#
# The machine is made once, from Debian's packages, and kept in ~/.cache/dstack-tests/machine; nothing of a test stays in
# it. Processors are emulated, so it takes some minutes, and needs no more rights than to make a file. What runs inside is tests/machine/inside.sh.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
caches=${XDG_CACHE_HOME:-$HOME/.cache}/dstack-tests
cache=$caches/machine-$(cksum <"$0" | cut -d ' ' -f 1)
packages=systemd-sysv,dbus,dbus-user-session,libpam-systemd,linux-image-cloud-amd64,python3,git,ca-certificates,procps

patience=300  # seconds; the longest pause between two lines of the machine is a minute

say() { printf 'machine: %s\n' "$*"; }
why_not() { printf '[skipped] %s\n' "$*"; exit 77; }

apt() { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

install_packages() { apt install -y --no-install-recommends --no-remove qemu-system-x86 debootstrap e2fsprogs; }
# With lists that are out of date packages are not found any more.
install() { install_packages || { apt update && install_packages; }; }

# make_disk FILE FOLDER SIZE: a file system with what is in the folder.
make_disk() {
  rm -f "$1"
  truncate -s "$3" "$1"
  mke2fs -q -t ext4 -d "$2" "$1"
}

make_machine() {
  [ "$(id -u)" = 0 ] || why_not "making the machine needs root"
  say "making the machine from Debian's packages, once"
  mkdir -p "$caches"
  new=$(mktemp -d "$caches/new-machine.XXXXXX")
  trap 'rm -rf --one-file-system "$new"' EXIT
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  timeout 900 debootstrap --variant=minbase --include="$packages" "$suite" "$new/tree" >"$new/log" 2>&1 ||
    why_not "debootstrap failed: $(tail -n 5 "$new/log" "$new/tree/debootstrap/debootstrap.log" 2>&1)"
  for user in lingering leaving; do
    chroot "$new/tree" useradd -m -s /bin/bash "$user"
  done
  mkdir -p "$new/tree/var/lib/systemd/linger" "$new/tree/tests"
  touch "$new/tree/var/lib/systemd/linger/lingering"
  echo "/dev/vda / ext4 defaults 0 1" >"$new/tree/etc/fstab"
  cat >"$new/tree/etc/systemd/system/inside.service" <<END
[Unit]
After=multi-user.target systemd-logind.service
[Service]
Type=idle
ExecStart=/usr/local/sbin/inside systemd
ExecStopPost=/usr/bin/systemctl poweroff
TimeoutStartSec=infinity
[Install]
WantedBy=multi-user.target
END
  cat >"$new/tree/usr/local/sbin/inside" <<END
#!/bin/sh
mount /dev/vdb /tests && exec sh /tests/inside.sh "\$1" >/dev/ttyS0 2>&1
END
  chmod +x "$new/tree/usr/local/sbin/inside"
  chroot "$new/tree" systemctl enable inside.service >>"$new/log" 2>&1
  cp "$new/tree"/boot/vmlinuz-* "$new/kernel"
  cp "$new/tree"/boot/initrd.img-*-amd64 "$new/initrd"
  make_disk "$new/disk" "$new/tree" 3G
  rm -rf --one-file-system "$new/tree"
  rm -rf --one-file-system "$caches"/machine-*
  mv "$new" "$cache"
  trap - EXIT
}

# What the tests need of the build, the place where they look for it, and the libraries that the machine may not have.
stage() {
  mkdir -p "$1/build/bin" "$1/libraries"
  cp "$root/tests/machine/inside.sh" "$1/"
  echo "$build" >"$1/place"
  cp -r "$build/lib" "$1/build/"
  for program in dstack test_run_resources; do
    strip -g -o "$1/build/bin/$program" "$build/bin/$program"
  done
  ldd "$1"/build/bin/* | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u |
    grep -vE '/(libc|libm|ld-linux[^/]*|libpthread|libdl|librt)\.so' | xargs cp -Lt "$1/libraries"
}

# boot LOG WORDS...: until the machine has switched itself off. Fails when it says nothing for a long time: emulated
# processors on a busy machine have been seen to stop for ever while they start.
boot() {
  log=$1
  shift
  : >"$log"
  qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -m 3G -smp 2 \
    -display none -no-reboot -serial "file:$log" -snapshot -kernel "$cache/kernel" -initrd "$cache/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet loglevel=1 panic=-1 $*" \
    -drive "file=$cache/disk,format=raw,if=virtio" -drive "file=$scratch/tests,format=raw,if=virtio" </dev/null &
  machine=$!
  size=0 silent=0
  while kill -0 "$machine" 2>/dev/null; do
    sleep 1
    before=$size
    size=$(stat -c %s "$log")
    [ "$size" = "$before" ] && silent=$((silent + 1)) || silent=0
    if [ "$silent" -ge "$patience" ]; then
      kill "$machine"
      return 1
    fi
  done
}

run_tests() {
  for program in qemu-system-x86_64 debootstrap mke2fs; do
    command -v "$program" >/dev/null || why_not "there is no $program here: sh cmake/scripts/machine.sh install"
  done
  [ "$(uname -m)" = x86_64 ] || why_not "the machine is an x86_64, this one is not"
  [ -e "$cache/disk" ] || make_machine
  scratch=$(mktemp -d /tmp/dstack-machine.XXXXXX)
  machine=
  trap '[ -z "$machine" ] || kill "$machine" 2>/dev/null || :; rm -rf --one-file-system "$scratch"' EXIT
  trap 'exit 143' INT TERM
  stage "$scratch/stage"
  make_disk "$scratch/tests" "$scratch/stage" 1G
  failed=
  for init in systemd none; do
    say "starting the machine ($init)"
    [ "$init" = systemd ] && words= || words="init=/usr/local/sbin/inside -- none"
    boot "$scratch/log" "$words" || boot "$scratch/log" "$words" || why_not "the machine stopped twice ($init)"
    tr -d '\r' <"$scratch/log" | sed -n '/inside: begin/,$p'
    grep -q '^inside: passed' "$scratch/log" || failed=1
  done
  [ -z "$failed" ] || { say "failed"; exit 1; }
}

case ${1-} in
  install) install ;;
  test) build=$(cd "${2-$root/build/dev}" && pwd -P) && run_tests ;;
  *) say "usage: sh cmake/scripts/machine.sh install, or test [PRESET]"; exit 2 ;;
esac
