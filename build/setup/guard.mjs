// The process that the caller of `holdfast check` waits for: a call that is stuck in the kernel keeps the process that
// made it from ending, even after SIGKILL.

/** A shell script that runs its arguments as a command, passes signals on, and ends with the command, or at SIGUSR1. */
export const GUARD = `exec 3<&0
HOLDFAST_LAUNCHER=$$ HOLDFAST_GUARD=1 "$@" <&3 3<&- &
trap 'exit 0' USR1
for signal in HUP INT TERM; do trap "kill -$signal $!" $signal; done
while :; do
  wait $!
  code=$?
  kill -0 $! 2>/dev/null || exit $code
done
`

/** The option of Node.js for `holdfast check`, as of a checker (core/agent/workers/starter.ts). */
export const CHECK_FLAG = '--max-semi-space-size=2'
