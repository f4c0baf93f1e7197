#!/bin/sh
# fs-guard: the dead-man on the device. Once armed, the device goes back to the old policy by itself
# unless the change is confirmed in time, whatever becomes of the controller or the SSH session.
#
#   fs-guard arm     TRIAL SECONDS [PATHSPACE]   start the timer (then flip)
#   fs-guard confirm TRIAL                       keep the change; exit 3: too late, or rebooted
#   fs-guard revert  TRIAL [PATHSPACE]           go back now, armed or confirmed; wait until done
#   fs-guard report  TRIAL                       one line: state and its numbers
#
# It lives in the device's state directory beside its files:
#   revert.TRIAL   configuration lines that attach what was there before
#   clear.TRIAL    exec commands to run after them, one a line
#   armed.TRIAL -> confirmed.TRIAL | reverting.TRIAL -> reverted.TRIAL
#
# rename(2) is the arbiter: of confirm, timer and revert exactly one moves armed.TRIAL away, and
# only who moved it acts. Times are /proc/uptime, which no clock change can shorten; `sleep` is
# monotonic too. Plain sh, no systemd. A reboot during a trial loads the start-up configuration,
# which is the old one: it is written at confirmation only.
set -u
D=$(cd "$(dirname "$0")" && pwd) || exit 1
ACT=${1:?arm, confirm, revert or report}
T=${2:?trial}

uptime_s() { read -r up _ </proc/uptime && echo "$up"; }

shell() { if [ -n "$P" ]; then vtysh -N "$P" "$@"; else vtysh "$@"; fi; }

soft_clear() {
    while read -r line || [ -n "$line" ]; do
        [ -z "$line" ] || shell -c "$line" </dev/null || return 1
    done <"$D/clear.$T"
}

# The caller has won reverting.T. A daemon that is just restarting refuses once and takes it later.
take_back() {
    pause=0.2
    until shell -f "$D/revert.$T" && soft_clear; do sleep "$pause"; pause=1; done
    if [ "$2" = confirmed ]; then shell -c 'write memory'; fi
    echo "reverted $(uptime_s) $(date -u +%Y-%m-%dT%H:%M:%SZ) $1" >>"$D/reverting.$T"
    mv "$D/reverting.$T" "$D/reverted.$T"
}

stop_timer() {
    # Never a process that has only inherited the number.
    if read -r group <"$D/timer.$T" && grep -q "$T" "/proc/$group/cmdline"; then
        kill -s KILL -- "-$group"
    fi
    rm -f "$D/timer.$T"
}

# The uptime is shorter than it was at arming: the old configuration is the one that was booted.
has_rebooted() {
    read -r _ at _ <"$D/armed.$T" && now=$(uptime_s) && [ "${now%.*}" -lt "${at%.*}" ]
}

case $ACT in
arm)
    P=${4:-}
    [ ! -e "$D/armed.$T" ] || exit 0
    [ -r "$D/revert.$T" ] && [ -r "$D/clear.$T" ] || { echo "revert.$T or clear.$T is missing"; exit 1; }
    echo "armed $(uptime_s) $3" >"$D/arming.$T" && mv "$D/arming.$T" "$D/armed.$T" || exit 1
    # A session of its own: a hang-up of the SSH session does not reach it.
    setsid sh "$0" wait "$T" "$3" "$P" </dev/null >>"$D/guard.log" 2>&1 &
    ;;
wait)
    P=${4:-}
    echo $$ >"$D/timer.$T"
    sleep "$3"
    if mv "$D/armed.$T" "$D/reverting.$T" 2>/dev/null; then take_back timer armed; fi
    rm -f "$D/timer.$T"
    ;;
confirm)
    [ ! -e "$D/confirmed.$T" ] || exit 0
    if has_rebooted 2>/dev/null; then exit 3; fi
    mv "$D/armed.$T" "$D/confirmed.$T" 2>/dev/null || exit 3
    stop_timer 2>/dev/null
    exit 0
    ;;
revert)
    P=${3:-}
    if mv "$D/armed.$T" "$D/reverting.$T" 2>/dev/null; then
        stop_timer 2>/dev/null
        setsid sh "$0" back "$T" armed "$P" </dev/null >>"$D/guard.log" 2>&1 &
    elif mv "$D/confirmed.$T" "$D/reverting.$T" 2>/dev/null; then
        setsid sh "$0" back "$T" confirmed "$P" </dev/null >>"$D/guard.log" 2>&1 &
    elif [ ! -e "$D/reverting.$T" ] && [ ! -e "$D/reverted.$T" ]; then
        exit 3
    fi
    looks=0
    until [ -e "$D/reverted.$T" ]; do
        looks=$((looks + 1))
        [ "$looks" -lt 400 ] || { tail -n 3 "$D/guard.log"; exit 1; }
        sleep 0.02
    done
    ;;
back)
    P=${4:-}
    take_back controller "$3"
    ;;
report)
    for state in armed reverting reverted confirmed; do
        if [ -e "$D/$state.$T" ]; then
            echo "$state now $(uptime_s) $(tr '\n' ' ' <"$D/$state.$T")"
            exit 0
        fi
    done
    echo "none now $(uptime_s)"
    ;;
*)
    echo "unknown: $ACT"
    exit 2
    ;;
esac
