#!/bin/sh
# debian_package.sh CPACK BUILD: makes the Debian package, installs it into a root folder of its own, and removes it.
set -eu
cpack=$1 build=$2
[ "$(id -u)" = 0 ] || { echo "[skipped] only root installs packages"; exit 77; }
command -v dpkg >/dev/null || { echo "[skipped] there is no dpkg"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "$*"; exit 1; }

# Stripped of nothing, and without a look at the libraries that it needs: none of that is tested here, and it takes long.
"$cpack" --config "$build/CPackConfig.cmake" -B "$scratch/made" -D CPACK_STRIP_FILES=OFF \
  -D CPACK_DEBIAN_PACKAGE_SHLIBDEPS=OFF -D CPACK_DEBIAN_COMPRESSION_TYPE=none >"$scratch/cpack.log" 2>&1 ||
  { cat "$scratch/cpack.log"; exit 1; }
package=$(echo "$scratch"/made/*.deb)

root=$scratch/root
shipped=$root/usr/share/dstack/apparmor.d/dstack
profile=$root/etc/apparmor.d/dstack
manage() {
  dpkg --root="$root" --force-script-chrootless --force-depends --log=/dev/null "$@" \
    >"$scratch/dpkg.log" 2>&1 || { cat "$scratch/dpkg.log"; exit 1; }
}
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"

manage --install "$package"
[ -x "$root/usr/bin/dstack" ] || fail "the package has no program"
grep -q 'profile dstack /usr/bin/dstack' "$shipped" || fail "the package has no profile for its program"
[ ! -e "$root/etc" ] || fail "something was made below /etc, where there is no AppArmor"

# Now there is AppArmor. What it reads depends on the parser of this machine.
mkdir -p "$root/etc/apparmor.d"
manage --install "$package"
if ! command -v apparmor_parser >/dev/null; then
  [ ! -e "$profile" ] || fail "a profile was installed that nothing reads"
elif apparmor_parser --skip-kernel-load --skip-cache "$shipped" >/dev/null 2>&1; then
  cmp "$shipped" "$profile"
else
  [ ! -e "$profile" ] || fail "a profile was installed that this machine's parser cannot read"
fi

# What an upgrade to a parser that cannot read it would leave, and the removal.
cp "$shipped" "$profile"
manage --remove dstack
[ ! -e "$profile" ] || fail "the profile is left behind"
[ ! -e "$root/usr/bin/dstack" ] || fail "the program is left behind"
