#!/bin/sh
# fs-guard: the dead-man on the device. Once armed, the device goes back to the old policy by itself
# unless the change is confirmed in time, whatever becomes of the controller or the SSH session.
#
#   fs-guard arm     TRIAL SECONDS [PATHSPACE]   start the timer
#   fs-guard flip    TRIAL [PATHSPACE]           attach; exit 3: the timer is not running, so not
#   fs-guard confirm TRIAL                       keep the change; exit 3: too late, or rebooted
#   fs-guard revert  TRIAL [PATHSPACE]           go back now, armed or confirmed; wait until done;
#                                                exit 4: still at it, and going on; ask again
#   fs-guard report  TRIAL                       one line: state and its numbers
#
# It lives in the device's state directory beside its files:
#   flip.TRIAL     configuration lines that attach the new policy
#   revert.TRIAL   those that attach what was there before
#   clear.TRIAL    exec commands to run after either, one a line
#   timer.TRIAL    number of the process that waits, or takes back
#   kept.TRIAL     confirmed once, so the start-up configuration may hold it
#   armed.TRIAL -> confirmed.TRIAL | reverting.TRIAL -> reverted.TRIAL
#
# rename(2) is the arbiter: of confirm, timer and revert exactly one moves armed.TRIAL away, and
# only who moved it acts. Times are /proc/uptime, which no clock change can shorten; `sleep` is
# monotonic too. Plain sh, no systemd. A reboot during a trial loads the start-up configuration,
# which is the old one: it is written at confirmation only.
set -u
# The SSH session may die in the middle of an act: what was begun is finished all the same. Stopped
# between winning reverting.TRIAL and starting the revert, nobody would ever take back.
trap '' HUP PIPE
D=$(cd "$(dirname "$0")" && pwd) || exit 1
ACT=${1:?arm, flip, confirm, revert or report}
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
    # A start-up configuration that still holds the change would bring it back with a reboot.
    if [ -e "$D/kept.$T" ]; then until shell -c 'write memory'; do sleep 1; done; fi
    echo "reverted $(uptime_s) $(date -u +%Y-%m-%dT%H:%M:%SZ) $1" >>"$D/reverting.$T"
    mv "$D/reverting.$T" "$D/reverted.$T"
}

# Whether a process waits or takes back for this trial; not one that only inherited its number.
# None does after a reboot: then the start-up configuration, the old one, is in force.
is_guarded() {
    { read -r group <"$D/timer.$T" && grep -q "$T" "/proc/$group/cmdline"; } 2>/dev/null
}

stop_timer() {
    if is_guarded; then kill -s KILL -- "-$group"; fi
    rm -f "$D/timer.$T"
}

# A session of its own: no signal of the SSH session reaches it, and `kill` finds all of it.
in_background() {
    setsid sh "$0" "$@" </dev/null >>"$D/guard.log" 2>&1 &
    echo $! >"$D/timer.$T"
}

case $ACT in
arm)
    P=${4:-}
    # Armed by an act that died before the timer ran is not armed.
    if [ -e "$D/armed.$T" ] && is_guarded; then exit 0; fi
    for state in confirmed reverting; do
        [ ! -e "$D/$state.$T" ] || { echo "$T is $state, it cannot be armed again"; exit 1; }
    done
    [ -r "$D/revert.$T" ] && [ -r "$D/clear.$T" ] || { echo "revert.$T or clear.$T is missing"; exit 1; }
    # An old word would be taken for the answer to the next revert.
    rm -f "$D/reverted.$T" "$D/kept.$T"
    echo "armed $(uptime_s) $3" >"$D/arming.$T" && mv "$D/arming.$T" "$D/armed.$T" || exit 1
    in_background wait "$T" "$3" "$P"
    ;;
wait)
    P=${4:-}
    sleep "$3"
    if mv "$D/armed.$T" "$D/reverting.$T" 2>/dev/null; then take_back timer; fi
    ;;
flip)
    P=${3:-}
    # A controller that was stopped for longer than the timer ran must not flip unguarded.
    [ -e "$D/armed.$T" ] && is_guarded || exit 3
    shell -f "$D/flip.$T" && soft_clear || exit 1
    [ ! -e "$D/armed.$T" ] || exit 0
    # The timer fired meanwhile, and its revert may have come before the flip: once more, after it.
    until shell -f "$D/revert.$T" && soft_clear; do sleep 0.2; done
    exit 3
    ;;
confirm)
    if [ ! -e "$D/confirmed.$T" ]; then
        is_guarded || exit 3
        mv "$D/armed.$T" "$D/confirmed.$T" 2>/dev/null || exit 3
        stop_timer 2>/dev/null
    fi
    : >"$D/kept.$T"
    ;;
revert)
    P=${3:-}
    if mv "$D/armed.$T" "$D/reverting.$T" 2>/dev/null; then
        stop_timer 2>/dev/null
        in_background back "$T" "$P"
    elif mv "$D/confirmed.$T" "$D/reverting.$T" 2>/dev/null; then
        in_background back "$T" "$P"
    elif [ -e "$D/reverting.$T" ]; then
        # Whoever was at it may have died, in a reboot for one.
        is_guarded || [ -e "$D/reverted.$T" ] || in_background back "$T" "$P"
    elif [ ! -e "$D/reverted.$T" ]; then
        exit 3
    fi
    looks=0
    until [ -e "$D/reverted.$T" ]; do
        looks=$((looks + 1))
        [ "$looks" -lt 400 ] || { tail -n 3 "$D/guard.log"; exit 4; }
        sleep 0.02
    done
    ;;
back)
    P=${3:-}
    take_back controller
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
