#!/bin/sh
# Runs in the machine of cmake/scripts/machine.sh, as root: the tests of limits, each time by another kind of user.
#
#   sh inside.sh systemd|none      which program is the first of the machine
set -u
tests=$(cd "$(dirname "$0")" && pwd -P)
bin=$tests/build/bin
failed=

# What the doctor says to those who cannot be limited as a whole.
own_group="enforced by cgroup v2"
scope="enforced by cgroup v2, in a scope of the user's systemd"
alone="enforced for each process, not for the job as a whole"

if [ "$1" = none ]; then
  mount -t proc proc /proc
  mountpoint -q /sys || mount -t sysfs sysfs /sys
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /tmp
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi

place=$(cat "$tests/place")
mkdir -p "$(dirname "$place")"
ln -s "$tests/build" "$place"

cat >/run/tests.sh <<END
cd /tmp
export LD_LIBRARY_PATH=$tests/libraries DSTACK_HOME=\$(mktemp -d) TMPDIR=\$(mktemp -d)
$bin/dstack doctor 2>&1 | grep '  *limits' || $bin/dstack doctor
$bin/test_run_resources -# "[#limits_test]"
echo "ended with \$?"
END

# pass NAME HOW COMMAND...: the tests by way of a command; the doctor must say how memory is held.
pass() {
  name=$1 how=$2
  shift 2
  echo "inside: $name"
  "$@" >/run/output 2>&1 </dev/null
  if ! grep -q "memory $how\( *$\|:\)" /run/output || ! grep -qE '^ended with (0|77)$' /run/output; then
    failed=1
    echo "inside: FAILED: memory should be $how"
  fi
  cat /run/output
}

as_login() {
  su --login "$1" --command "$2"
}

echo "inside: begin ($1)"
uname -r
if [ "$1" = systemd ]; then
  loginctl list-users --no-legend
  pass "root, a service" "$own_group" sh /run/tests.sh
  pass "root, a login" "$own_group" as_login root "sh /run/tests.sh"
  pass "a user in a login, who lingers" "$scope" as_login lingering "sh /run/tests.sh"
  pass "a user outside of a login, who lingers" "$scope" \
    setpriv --reuid lingering --regid lingering --clear-groups -- sh /run/tests.sh
  pass "a user in a scope of his own" "$own_group" \
    as_login leaving "systemd-run --user --scope --quiet -- sh /run/tests.sh"
  pass "a user in a login, who does not linger" "$alone" as_login leaving "sh /run/tests.sh"
else
  pass "root, without systemd" "$own_group" sh /run/tests.sh
fi
[ -n "$failed" ] && echo "inside: failed" || echo "inside: passed"
sync
# Systemd switches the machine off; without it the first process must not end.
if [ "$1" = none ]; then
  echo o >/proc/sysrq-trigger
  exec sleep 60
fi
