#!/usr/bin/env bash
# What the shadow's `containerlab` backend needs and the rest of the product does not: a container
# engine of our own, started, and the routers' image. Idempotent, and quick when nothing is missing.
# An engine and a packet filter that are already there stay as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. console/packages.sh

declare -A WHY=()
needed=()
need() { needed+=("$1") WHY["$1"]=$2; }

find_missing() {
    has dockerd || need docker.io 'the engine that runs routers as containers'
    if has dockerd && ! has docker; then need docker-cli 'to load the image into the engine'; fi
    has runc || need runc 'what the engine starts containers with'
    has jq || need jq 'to start them where the host withholds a capability from root'
    if ! bash containerlab/image.sh status; then
        has mmdebstrap || need mmdebstrap "the routers' image, from Debian's packages"
    fi
}

install_packages() {
    local package
    unguard_services # of a set-up that was killed
    find_missing
    if [ ${#needed[@]} -eq 0 ]; then return; fi
    has apt-get || fail "missing: ${needed[*]}" \
        'this set-up knows Debian; install these with your own package manager, then run it again'
    [ "$(id -u)" -eq 0 ] || fail "missing: ${needed[*]}" 'installing them takes root: run this as root'
    say 'will install these system packages (no service of theirs is started or enabled):'
    for package in "${needed[@]}"; do printf '  %-22s %s\n' "$package" "${WHY[$package]}"; done
    guard_services
    apt-get update -qq >/dev/null 2>&1 </dev/null || say 'apt-get update failed; trying with the lists there are'
    apt_install "${needed[@]}" || fail "apt-get could not install: ${needed[*]}" \
        'see its message above; install them by hand, then run this again'
    if [ -n "${WHY[docker.io]:-}" ]; then keep_off docker docker.socket containerd; fi
    unguard_services
    if ! has docker; then # A Debian that has the client in a package of its own.
        apt_install docker-cli || fail 'apt-get could not install: docker-cli'
    fi
}

build_image() {
    if bash containerlab/image.sh status; then return; fi
    say "building the routers' image from Debian's packages (FRR 10, some 20 s, 150 MB)"
    bash containerlab/image.sh build
}

[ "$(id -u)" -eq 0 ] || fail 'containers take root: run this as root'
one_at_a_time # Two set-ups at once would fight over apt.
install_packages
bash containerlab/engine.sh start
build_image
say "the containerlab backend can be used: FORESHADOW_SHADOW__BACKEND=containerlab"
