# Sourced by the set-ups: how they speak, how they take turns, and how Debian packages are installed
# without a service starting. It leaves the host as it was: nothing is started, enabled, configured.

readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_MARK='# placed by Foreshadow while it installs packages'

# Where Debian keeps what root's PATH may lack in a bare shell.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 4
}
has() { command -v "$1" >/dev/null 2>&1; }

one_at_a_time() { # Until this shell ends; the lock's descriptor is 9.
    local lock=.run/setup.lock
    if [ "$(id -u)" -eq 0 ]; then lock=/run/foreshadow-setup.lock; fi
    mkdir -p "$(dirname "$lock")"
    exec 9>"$lock"
    flock 9
}

guard_services() { # Debian starts what it installs; this asks it not to, for as long as we install.
    if [ ! -e "$POLICY" ] && [ ! -L "$POLICY" ]; then
        # The trap goes first: an interrupt between the two lines must not leave the guard behind.
        trap unguard_services EXIT
        trap 'exit 130' INT TERM HUP
        printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
        chmod 755 "$POLICY"
    fi
}

unguard_services() {
    if [ -f "$POLICY" ] && grep -qxF "$POLICY_MARK" "$POLICY"; then
        rm -f "$POLICY" || true # root's file, should another user run this
    fi
}

keep_off() { # A service that came with a package just installed must not run now, nor at next boot.
    local service
    for service in "$@"; do
        if has systemctl; then
            systemctl disable --quiet "$service" >/dev/null 2>&1 || true
        elif has update-rc.d && [ -e "/etc/init.d/$service" ]; then
            update-rc.d "$service" disable >/dev/null 2>&1 || true
        fi
        # Only where the host has a policy-rc.d of its own that lets services start.
        if [ -d /run/systemd/system ]; then
            systemctl stop --quiet "$service" 2>/dev/null || true
        elif [ -x "/etc/init.d/$service" ]; then
            "/etc/init.d/$service" stop >/dev/null 2>&1 || true
        fi
    done
}

apt_install() { # Quiet unless it fails: what it says of enabled services is undone by keep_off.
    local said
    said=$(DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 "$@" </dev/null 2>&1) || {
        printf '%s\n' "$said" >&2
        return 1
    }
}
