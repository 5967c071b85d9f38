#!/bin/sh
# Lays out a root file system with nothing but what some packages of this Debian system ship: their libraries, certificates, licences, and the
# records by which scanners of images know them.
# Usage: minimal-root.sh FOLDER PACKAGE…
set -eu

root=$1
shift
mkdir -p "$root/etc" "$root/var/lib/dpkg/status.d"

# Debian's folders are links into /usr; the program interpreter of every executable is named by way of one.
for name in lib lib64; do
  if [ -L "/$name" ]; then
    mkdir -p "$root/usr/$name"
    ln -s "usr/$name" "$root/$name"
  fi
done

for package in "$@"; do
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  # Conversions between character sets and the sources of the certificates are used by nothing here.
  dpkg-query --listfiles "$package" | grep -E '\.so(\.[0-9]+)*$|^/usr/share/doc/[^/]+/copyright$' | grep -v /gconv/ | while read -r path; do
    path=$(realpath --no-symlinks "$path")
    mkdir -p "$root$(realpath "$(dirname "$path")")"
    cp -P "$path" "$root$(realpath "$(dirname "$path")")/"
  done
done

mkdir -p "$root/etc/ssl/certs" "$root/usr/bin" "$root/usr/lib"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /usr/lib/os-release "$root/usr/lib/os-release"
ln -s ../usr/lib/os-release "$root/etc/os-release"
cp /etc/debian_version "$root/etc/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
cat >"$root/etc/passwd" <<'EOF'
root:x:0:0:root:/:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
msb-mcp:x:65532:65532:msb-mcp:/var/lib/msb-mcp:/usr/sbin/nologin
EOF
cat >"$root/etc/group" <<'EOF'
root:x:0:
nogroup:x:65534:
msb-mcp:x:65532:
EOF
install -d -m 1777 "$root/tmp"
