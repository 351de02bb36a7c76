import { setTimeout as delay } from 'node:timers/promises'
import { sendCommand } from '../../core/agent/control-socket.ts'
import type { Checked } from '../../core/check/checker-messages.ts'
import type { ProbedOnce } from '../../core/check/probe-once.ts'
import { getShellStep, hungVerdict } from '../../core/check/verdict.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { runningState } from '../ask/settings-change.ts'
import { translate } from '../terminal/terminal-words.ts'
import { printProbed } from './print-probed.ts'

const WRONG_USAGE = 2
const LOOK_EVERY_MS = 100
/** Errors that mean that the agent has ended meanwhile. */
const ENDED: ReadonlySet<string> = new Set(['agent.notRunning', 'agent.closedEarly'])

interface AllOptions {
  data?: string
  /** Seconds. */
  timeout: number
  json: boolean
}

/**
 * Has the agent check all of its paths now, and prints the results. Returns the exit code; null: no agent runs, or it
 * has ended meanwhile.
 */
export async function checkAll({ timeout, json, ...options }: AllOptions): Promise<number | null> {
  const probed = await checkByAgent(resolveDataDirectory(options), timeout * 1000).catch((error: unknown) => {
    if (error instanceof UserError && ENDED.has(error.sentence.key)) return null
    throw error
  })
  if (probed === null) return null
  if (probed.length > 0) return printProbed(probed, { json, isComplete: true })
  console.error(translate('cli.paths.none'))
  return WRONG_USAGE
}

async function checkByAgent(data: string, timeoutMs: number): Promise<ProbedOnce[] | null> {
  if ((await runningState(data)) === null) return null
  const startedAt = Date.now()
  await sendCommand(data, 'checkNow', {})
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const state = await runningState(data)
    if (state === null) return null
    const paths = [
      ...state.sources.map(({ settings: { path }, checked }) => ({ path, checked })),
      ...state.checkedPaths.map(({ path, checked }) => ({ path, checked })),
    ].map(({ path, checked }) => ({
      path,
      checked: checked !== null && checked.at >= startedAt ? checked : null,
    }))
    if (paths.every(({ checked }) => checked !== null) || performance.now() > deadline)
      return paths.map(({ path, checked }) => toProbed(path, checked, timeoutMs))
    await delay(LOOK_EVERY_MS)
  }
}

/** @param checked null: the path has not responded within `timeoutMs`. */
function toProbed(path: string, checked: Checked | null, timeoutMs: number): ProbedOnce {
  const verdict = checked?.overall ?? hungVerdict(path, 'open', timeoutMs)
  const step = getShellStep(verdict.kind, verdict.step)
  return { path, verdict, failedSteps: step === null ? [] : [step] }
}
