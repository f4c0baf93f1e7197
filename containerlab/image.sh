#!/usr/bin/env bash
# The routers' image, FRR 10 of Debian trixie, made without a container registry: `image.sh build`
# asks apt's own mirror for the packages; `image.sh status` says whether it is there and current.
set -euo pipefail

readonly IMAGE=foreshadow/frr:10 RELEASE=trixie
readonly PACKAGES=frr,iproute2,iputils-ping,procps,tini
readonly SOCKET=/run/foreshadow-docker/docker.sock
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

engine() { env -u DOCKER_CONTEXT DOCKER_HOST="unix://$SOCKET" docker "$@"; }

recipe() { cat "$HERE/image.sh" "$HERE/router" | sha256sum | cut -c 1-16; }

status() {
    [ "$(engine image inspect --format '{{index .Config.Labels "recipe"}}' "$IMAGE" 2>/dev/null)" \
        = "$(recipe)" ]
}

mirror() { # What apt is configured with; the archive that has bookworm has trixie too.
    apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' | sort -u | head -n 1
}

build() {
    local from
    from=$(mirror)
    if [ -z "$from" ]; then
        printf 'image: apt knows no Debian archive; run apt-get update, or build it on Debian\n' >&2
        exit 4
    fi
    mmdebstrap --quiet --variant=minbase --include="$PACKAGES" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook="upload '$HERE/router' /usr/lib/frr/router" \
        --customize-hook='chmod 755 "$1"/usr/lib/frr/router; rm -f "$1"/etc/frr/frr.conf; touch "$1"/etc/frr/vtysh.conf' \
        "$RELEASE" - "$from" |
        engine import --change "LABEL recipe=$(recipe)" \
            --change 'ENTRYPOINT ["/usr/bin/tini", "--", "/usr/lib/frr/router"]' \
            --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
            - "$IMAGE" >/dev/null
}

case ${1:-} in
build | status) "$1" ;;
*)
    printf 'usage: image.sh build|status\n' >&2
    exit 2
    ;;
esac
