import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { FromWorker, ToWorker, WorkerConfig } from '../../../core/lib/workers/definition.ts'
import type { MarkedAnswer, Scanned, scannerDefinition } from '../../../core/scan/scanner-messages.ts'
import { workerScript } from '../cli/command-script.ts'
import { repeat } from '../repeat.ts'
import type { TestSender } from '../transfer/transfer.ts'
import { until } from '../until.ts'

type Config = WorkerConfig<typeof scannerDefinition>

/** A real scanner process. */
export interface ScannerProcess {
  readonly pid: number
  /** The last report about each source. */
  readonly scanned: Map<string, Scanned>
  readonly logged: string[]
  /** How often it asked for the sender. */
  nudges(): number
  configure(config: Config): void
  nudge(): void
  reconcile(): Promise<void>
  /** A person's decision about the files that carry isocket's mark. */
  answerMarked(source: string, answer: MarkedAnswer): Promise<void>
  /** Asks it to stop; resolves when it has ended. */
  stop(): Promise<void>
}

/** Starts the scanner; it is killed when the test is over. */
export function startScannerProcess(
  options: {
    execPath?: string
    execArgv?: string[]
    env?: NodeJS.ProcessEnv
    uid?: number
    gid?: number
  } = {},
): ScannerProcess {
  const child = fork(fileURLToPath(workerScript('scanner')), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...options,
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const scanned = new Map<string, Scanned>()
  const answers = new Set<number>()
  const logged: string[] = []
  let nudges = 0
  let request = 0
  child.on('message', (raw) => {
    const message = raw as FromWorker
    if (message.type === 'nudge') nudges += 1
    if (message.type === 'log') logged.push(message.message)
    if (message.type === 'response' || message.type === 'failure') answers.add(message.id)
    if (message.type !== 'report') return
    for (const one of (message.report as { scanned: Scanned[] }).scanned) scanned.set(one.id, one)
  })
  // Without a callback, Node throws what a dead process does not take from no test's call.
  const send = (message: ToWorker) => void child.send(message, () => undefined)
  const ask = async (name: string, input: Record<string, unknown>) => {
    request += 1
    const id = request
    send({ type: 'request', id, name, input })
    await until(`${name} is answered`, () => answers.has(id))
  }
  return {
    pid: child.pid ?? -1,
    scanned,
    logged,
    nudges: () => nudges,
    configure: (config) => send({ type: 'configure', config }),
    nudge: () => send({ type: 'nudge' }),
    reconcile: () => ask('reconcile', {}),
    answerMarked: (source, answer) => ask('answerMarked', { source, answer }),
    stop: () => {
      send({ type: 'stop' })
      return exited
    },
  }
}

/** Wakes the sender when the scanner has found files, and the scanner when the sender has sent some, as the supervisor does. */
export function forwardNudges(
  scanner: ScannerProcess,
  sender: () => Pick<TestSender, 'nudges' | 'nudge'>,
  everyMs = 10,
): void {
  let seen = { scanner: 0, sender: 0 }
  repeat(everyMs, () => {
    const now = { scanner: scanner.nudges(), sender: sender().nudges() }
    if (now.scanner !== seen.scanner) sender().nudge()
    if (now.sender !== seen.sender) scanner.nudge()
    seen = now
  })
}
