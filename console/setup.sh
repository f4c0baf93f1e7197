#!/usr/bin/env bash
# Install what Foreshadow needs and lacks, and say so first: system packages, a Python environment
# with locked versions, the broker's jars. Idempotent, and quick when there is nothing to do.
# It leaves the host as it was: no service is started, enabled or configured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.venv JARS=kafka/lib
. console/packages.sh

# --- system packages ------------------------------------------------------------------------------

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && has "$candidate" &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

java_major() { # 17 of `openjdk version "17.0.15"`; nothing where there is no Java
    has java && java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}

jars_are_current() {
    [ -f "$JARS/.pom.sha256" ] && [ "$(cat "$JARS/.pom.sha256")" = "$(sha256sum <kafka/pom.xml)" ]
}

declare -A WHY=()
needed=() wanted=()
need() { needed+=("$1") WHY["$1"]=$2; }
want() { wanted+=("$1") WHY["$1"]=$2; }

find_missing() {
    [ -x /usr/lib/frr/zebra ] && has vtysh || need frr 'the routers of production and of its shadow'
    { has ip && has tc; } || need iproute2 'network namespaces, links and their capacity'
    has nft || need nftables 'loss on an emulated link'
    [ -x /usr/sbin/sshd ] || need openssh-server 'an SSH server inside each emulated production router'
    has ps || need procps 'to find what a dead run left behind'
    [ -x /usr/sbin/snmpd ] || need snmpd 'an SNMP agent to test the poller with'
    [ -x /usr/sbin/softflowd ] || need softflowd 'a flow exporter to test the listener with'
    local python
    python=$(find_python)
    if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [ ! -x "$VENV/bin/python" ]; then
            need python3-venv 'the Python environment in .venv'
        fi
    fi
    [ "$(java_major || true)" -ge 17 ] 2>/dev/null || want default-jre-headless 'Apache Kafka'
    jars_are_current || has mvn || want maven "Apache Kafka's jars, from kafka/pom.xml"
}

install_packages() {
    local package
    unguard_services # of a set-up that was killed
    find_missing
    if [ ${#needed[@]} -eq 0 ] && [ ${#wanted[@]} -eq 0 ]; then return; fi
    has apt-get || fail "missing: ${needed[*]:-} ${wanted[*]:-}" \
        'this set-up knows Debian and Ubuntu; install these with your own package manager, then run it again'
    [ "$(id -u)" -eq 0 ] || fail "missing: ${needed[*]:-} ${wanted[*]:-}" \
        'installing them takes root: run this as root (routers in namespaces need root anyway)'
    say 'will install these system packages (no service of theirs is started or enabled):'
    for package in "${needed[@]}" "${wanted[@]}"; do printf '  %-22s %s\n' "$package" "${WHY[$package]}"; done
    guard_services
    apt-get update -qq >/dev/null 2>&1 </dev/null || say 'apt-get update failed; trying with the lists there are'
    if [ ${#needed[@]} -gt 0 ]; then
        apt_install "${needed[@]}" || fail "apt-get could not install: ${needed[*]}" \
            'see its message above; install them by hand, then run this again'
    fi
    if [ ${#wanted[@]} -gt 0 ] && ! apt_install "${wanted[@]}"; then
        say "could not install ${wanted[*]}: the embedded broker will stand in for Apache Kafka"
    fi
    for package in "${needed[@]}"; do
        case $package in
        frr) keep_off frr ;;
        snmpd) keep_off snmpd ;;
        softflowd) keep_off softflowd ;;
        openssh-server) keep_off ssh ssh.socket ;;
        esac
    done
    unguard_services
}

# --- Python ---------------------------------------------------------------------------------------

environment_key() { # Changes when the lock, the project's metadata or its place does.
    { cat requirements.lock pyproject.toml; pwd; } | sha256sum
}

locked() { # The lines of one package in the lock, with its hashes.
    awk -v name="$1==" 'index($0, name) == 1 { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock
}

install_python() {
    local python uv_version
    if [ -f "$VENV/.foreshadow" ] && [ "$(cat "$VENV/.foreshadow")" = "$(environment_key)" ]; then return; fi
    if ! "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(find_python)
        [ -n "$python" ] || fail "needs Python 3.11 or newer; python3 here is $(python3 --version 2>&1 || true)" \
            'install one (Ubuntu 22.04: apt-get install python3.11 python3.11-venv), or name it: make setup PYTHON=/path/to/python3.12'
        say "creating $VENV with $("$python" --version)"
        "$python" -m venv --clear "$VENV" || fail "$python could not create $VENV" \
            "install its venv module (apt-get install $(basename "$python")-venv), then run this again"
    fi
    say "installing the Python packages of requirements.lock into $VENV (locked versions and hashes)"
    uv_version=$(locked uv | sed -n '1s/^uv==\([^ ]*\).*/\1/p')
    if ! "$VENV/bin/uv" --version 2>/dev/null | grep -qF " $uv_version "; then
        "$VENV/bin/python" -m pip install --quiet --require-hashes -r <(locked uv)
    fi
    VIRTUAL_ENV=$PWD/$VENV "$VENV/bin/uv" pip sync --quiet --require-hashes requirements.lock
    VIRTUAL_ENV=$PWD/$VENV "$VENV/bin/uv" pip install --quiet --no-deps --no-build-isolation --editable .
    environment_key >"$VENV/.foreshadow"
}

# --- the broker -----------------------------------------------------------------------------------

install_broker() {
    if jars_are_current; then return; fi
    if ! has mvn; then
        say 'no Maven: the embedded broker will stand in for Apache Kafka'
        return
    fi
    say "fetching Apache Kafka's jars into $JARS (46 jars, 44 MB, pinned in kafka/pom.xml)"
    local said
    rm -rf "$JARS.new"
    if said=$(mvn -q -B -f kafka/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$PWD/$JARS.new" </dev/null 2>&1); then
        rm -rf "$JARS"
        mv "$JARS.new" "$JARS"
        sha256sum <kafka/pom.xml >"$JARS/.pom.sha256"
    else
        rm -rf "$JARS.new"
        printf '%s\n' "$said" >&2
        say 'Maven could not fetch them: the embedded broker will stand in for Apache Kafka'
    fi
}

one_at_a_time # Two set-ups at once would fight over apt and over .venv.
install_packages
install_python
install_broker
