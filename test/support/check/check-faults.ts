import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { type Checked, probeKinds, type VerdictKind } from '../../../core/check/checker-messages.ts'
import type { CheckerConfig } from '../../../core/check/scheduler/checker.ts'
import { until } from '../until.ts'
import { type CheckerProcess, startCheckerProcess } from './client.ts'

/** Faults are looked for once a second; what is out for 0.8 s is said to hang. */
export const FAULT_INTERVAL_MS = 1_000
export const FAULT_TIMEOUT_MS = 800

export function allProbes(...paths: string[]): CheckerConfig['paths'] {
  return paths.map((at, index) => ({ id: `p${index}`, path: at, probes: [...probeKinds] }))
}

/** Starts the real worker with these paths, all probes on each. */
export function checkPaths(...paths: string[]): Promise<CheckerProcess> {
  return checkWith({ paths: allProbes(...paths) })
}

export function checkWith(
  config: Partial<CheckerConfig> & Pick<CheckerConfig, 'paths'>,
): Promise<CheckerProcess> {
  const seconds = { intervalSeconds: FAULT_INTERVAL_MS / 1_000, timeoutSeconds: FAULT_TIMEOUT_MS / 1_000 }
  return startCheckerProcess({ ...seconds, ...config })
}

/** Causes a fault and waits for its verdict, which the first check has that begins after the fault. */
export async function detect(
  checker: CheckerProcess,
  id: string,
  kind: VerdictKind,
  fault: () => unknown,
): Promise<Checked> {
  const before = checker.reports(id).length
  await fault()
  const since = Date.now()
  const later = () => checker.reports(id).slice(before)
  const checked = await until(`${id} to be ${kind}`, () =>
    later().find(({ overall }) => overall.kind === kind),
  )
  // A check that was under way at the fault may be well.
  expect(later().filter(({ at, overall }) => at > since && overall.kind !== kind)).toEqual([])
  return checked
}

/** The state of a process or thread, by its stat file, see proc_pid_stat(5): D is uninterruptible sleep, Z a corpse. */
export function readState(statFile: string): string {
  const text = readFileSync(statFile, 'utf8')
  return text.charAt(text.lastIndexOf(')') + 2)
}

/** The files that the checker writes and removes again, as far as they are there. */
export const probeFiles = (directory: string) =>
  readdirSync(directory).filter((name) => name.startsWith('.holdfast-probe-'))
