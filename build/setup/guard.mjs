// The process that the caller of `holdfast check` waits for: a call that is stuck in the kernel keeps the process that
// made it from ending, even after SIGKILL.

/**
 * A shell script that runs its arguments as a command, passes signals on, and ends with the command, or at SIGUSR1, with
 * 129 after SIGHUP. The command also ends with the launcher of this shell, if that is named (run.mjs).
 */
export const GUARD = `{ true 9<&0; } 2>/dev/null || exec </dev/null
exec 9<&0
ended=0
trap 'exit $ended' USR1
HOLDFAST_LAUNCHER="\${HOLDFAST_LAUNCHER:-$$}" HOLDFAST_GUARD=$$ "$@" <&9 9<&- &
for signal in INT TERM; do trap "kill -$signal $!" $signal; done
trap "ended=129; kill -HUP $!" HUP
while :; do
  wait $!
  code=$?
  kill -0 $! 2>/dev/null || exit $code
done
`

/** The command that the shell guards, and its former name (cli/former-names.ts). */
export const CHECK_NAMES = ['check', 'probe']

/** The option of Node.js for `holdfast check`, as of a checker (core/agent/workers/starter.ts). */
export const CHECK_FLAG = '--max-semi-space-size=2'
