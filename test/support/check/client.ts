import { fork, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import {
  type Checked,
  checkerDefinition,
  type HistoryAnswer,
  type HistoryQuestion,
  historyAnswerSchema,
  type VerdictKind,
} from '../../../core/check/checker-messages.ts'
import { type Evidence, evidenceSchema } from '../../../core/check/evidence/evidence-messages.ts'
import type { CheckerConfig } from '../../../core/check/scheduler/checker.ts'
import { fromWorkerSchema } from '../../../core/lib/workers/definition.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { workerScript } from '../cli/command-script.ts'
import { type Surroundings, within } from '../faults/within.ts'
import { until } from '../until.ts'

const module = fileURLToPath(workerScript('checker'))

/** Tests check twice a second; a second's patience lets a busy machine be late without being called hung. */
export const INTERVAL_MS = 500
export const TIMEOUT_MS = 1_000

export interface CheckerProcess {
  pid: number
  /** Everything that was reported of a path, oldest first. */
  reports(id: string): Checked[]
  logs(): string[]
  /** The keys of the sentences that a person was told, oldest first. */
  notices(): string[]
  /** Asks what the system reported about the failure of a path. */
  askEvidence(
    failed: Pick<Checked, 'path' | 'mount' | 'at'> & { overall: Pick<Checked['overall'], 'kind' | 'code'> },
  ): Promise<Evidence>
  askHistory(question: HistoryQuestion): Promise<HistoryAnswer>
  configure(config: Partial<CheckerConfig>): void
  /** Waits until a path that was reported after this call is of this kind. */
  sees(id: string, kind: VerdictKind, withinMs?: number): Promise<Checked>
  threads(): number
  openFiles(): number
  /** Asks it to stop, and waits for its end. */
  stop(): Promise<void>
}

function startModule(surroundings: Surroundings) {
  const options = {
    env: { ...process.env, UV_THREADPOOL_SIZE: '576' },
    stdio: ['ignore', 2, 2, 'ipc'] satisfies StdioOptions,
  }
  const [first, ...words] = within(surroundings)
  if (first === undefined) return fork(module, options)
  return spawn(first, [...words, process.execPath, ...process.execArgv, module], options)
}

/** Starts the real checker worker as the supervisor does; it is killed when the test is over. */
export async function startCheckerProcess(
  config: Partial<CheckerConfig> & Pick<CheckerConfig, 'paths'>,
  surroundings: Surroundings = {},
): Promise<CheckerProcess> {
  const child = startModule(surroundings)
  const exit = once(child, 'exit')
  const seen: Checked[] = []
  const logs: string[] = []
  const notices: string[] = []
  const answers = new Map<number, unknown>()
  let asked = 0
  let isReady = false
  child.on('message', (raw) => {
    const said = fromWorkerSchema.parse(raw)
    if (said.type === 'ready') isReady = true
    if (said.type === 'log') logs.push(said.message)
    if (said.type === 'response') answers.set(said.id, said.output)
    if (said.type === 'failure') answers.set(said.id, said.sentence)
    if (said.type !== 'report') return
    const { checked, notice } = checkerDefinition.report.parse(said.report)
    seen.push(...checked)
    if (notice !== undefined) notices.push(notice.key)
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const defaults: CheckerConfig = {
    ...defaultSettings.check,
    intervalSeconds: INTERVAL_MS / 1000,
    timeoutSeconds: TIMEOUT_MS / 1000,
    slowSeconds: 2,
    historyPath: null,
    paths: [],
    diskHealth: false,
    knownMounts: {},
  }
  let current: CheckerConfig = { ...defaults, ...config }
  const configure = (changed: Partial<CheckerConfig>) => {
    current = { ...current, ...changed }
    child.send({ type: 'configure', config: current })
  }
  await until('the checker to be ready', () => isReady)
  configure({})
  const pid = child.pid ?? 0
  const ask = async (name: 'evidence' | 'history', input: unknown): Promise<unknown> => {
    asked += 1
    const id = asked
    child.send({ type: 'request', id, name, input })
    await until(`an answer to ${name}`, () => answers.has(id))
    return answers.get(id)
  }
  const reports = (id: string) => seen.filter((checked) => checked.id === id)
  return {
    pid,
    reports,
    logs: () => logs,
    notices: () => notices,
    askEvidence: async ({ path, mount, overall: { kind, code }, at }) =>
      evidenceSchema.parse(await ask('evidence', { path, mount, kind, code, failedAt: at })),
    askHistory: async (question) => historyAnswerSchema.parse(await ask('history', question)),
    configure,
    sees: (id, kind, withinMs = 60_000) => {
      const from = reports(id).length
      return until(
        `${id} to be ${kind}`,
        () => {
          const later = reports(id).slice(from)
          const found = later.find(({ overall }) => overall.kind === kind)
          if (found === undefined && later.length > 0) throw new Error(JSON.stringify(later.at(-1)))
          return found
        },
        withinMs,
      )
    },
    threads: () => readdirSync(`/proc/${pid}/task`).length,
    openFiles: () => readdirSync(`/proc/${pid}/fd`).length,
    stop: async () => {
      child.send({ type: 'stop' })
      await exit
    },
  }
}
