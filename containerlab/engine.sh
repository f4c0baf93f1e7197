#!/usr/bin/env bash
# A container engine of our own: `engine.sh start`, `stop` or `status`. Its socket, its data and its
# containerd are apart from any other engine's, and it changes nothing of the host's: no bridge, no
# packet filter, no forwarding. The routers' cables are ours, laid from namespace to namespace.
set -euo pipefail

readonly PLACE=/run/foreshadow-docker DATA=/var/lib/foreshadow-docker
readonly SOCKET=$PLACE/docker.sock PIDFILE=$PLACE/docker.pid LOG=$PLACE/docker.log
readonly CAP_SYS_RESOURCE=24
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'engine: %s\n' "$*"; }

owner() { # The process id of our dockerd; nothing where it does not run.
    local pid
    pid=$(cat "$PIDFILE" 2>/dev/null) && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" |
        grep -qF -- "--pidfile $PIDFILE" && printf '%s\n' "$pid"
}

withholds_sys_resource() { # Whether this host keeps the capability from root (capabilities(7)).
    local bounding
    bounding=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
    ! ((16#$bounding >> CAP_SYS_RESOURCE & 1))
}

engine() { # The client, whatever engine the user's environment points it at.
    env -u DOCKER_CONTEXT DOCKER_HOST="unix://$SOCKET" docker "$@"
}

answers() { engine version >/dev/null 2>&1; }

start() {
    local runtime=() tries
    for ((tries = 0; tries < 200; tries++)); do # Starting or stopping just now, perhaps.
        owner >/dev/null || break
        if answers; then return; fi
        sleep 0.1
    done
    if withholds_sys_resource; then
        runtime=(--add-runtime "without-sys-resource=$HERE/without-sys-resource"
            --default-runtime without-sys-resource)
        say 'this host withholds CAP_SYS_RESOURCE from root: containers start without it'
    fi
    mkdir -p "$PLACE" "$DATA"
    chmod 711 "$PLACE" "$DATA"
    printf '{}\n' >"$PLACE/daemon.json" # The host's own settings are for another engine.
    # Without our run's id, or `foreshadow clean` would take it for a process of that run.
    env -u FORESHADOW_RUN_ID setsid dockerd \
        --config-file "$PLACE/daemon.json" --host "unix://$SOCKET" --pidfile "$PIDFILE" \
        --data-root "$DATA" --exec-root "$PLACE/exec" --storage-driver overlay2 \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        --userland-proxy=false "${runtime[@]}" >"$LOG" 2>&1 </dev/null 9>&- &
    for ((tries = 0; tries < 200; tries++)); do
        if answers; then
            say "started, on $SOCKET"
            return
        fi
        sleep 0.1
    done
    say "it does not answer; its last words, of $LOG:" >&2
    tail -n 5 "$LOG" >&2
    exit 4
}

stop() { # With it go its containers; the image stays in its data.
    local pid tries
    pid=$(owner) || return 0
    engine ps --all --quiet | xargs --no-run-if-empty env -u DOCKER_CONTEXT \
        DOCKER_HOST="unix://$SOCKET" docker rm --force >/dev/null
    kill "$pid"
    for ((tries = 0; tries < 300; tries++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            # The engine mounts its data folder onto itself, and leaves that to whoever stops it.
            if mountpoint -q "$DATA"; then umount "$DATA" || true; fi
            rm -rf "$PLACE"
            say 'stopped'
            return
        fi
        sleep 0.1
    done
    say "process $pid does not end" >&2
    exit 4
}

case ${1:-} in
start | stop) "$1" ;;
status) owner >/dev/null && answers ;;
*)
    say 'usage: engine.sh start|stop|status' >&2
    exit 2
    ;;
esac
