import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { workerEnvironment } from '../../../core/agent/workers/starter.ts'
import { type FoundFile, openLedger } from '../../../core/ledger/ledger.ts'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import {
  fromWorkerSchema,
  type WorkerConfig,
  type WorkerDefinition,
  type WorkerReport,
} from '../../../core/lib/workers/definition.ts'
import { errorCode } from '../../../core/platform/system-error.ts'
import { type Identity, loadIdentity } from '../../../core/protocol/identity.ts'
import { type RunningReport, receiverDefinition } from '../../../core/receive/receiver-messages.ts'
import { senderDefinition } from '../../../core/send/sender-messages.ts'
import type { ReceiverDestination } from '../../../core/settings/destination-schema.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { DEFAULT_RULES, type StoreRules } from '../../../core/store/quota/admission.ts'
import { workerScript } from '../cli/command-script.ts'
import { until } from '../until.ts'
import { pairBefore } from './pair-before.ts'

/** A worker in a real process, driven as the supervisor does. */
export interface TestWorker<D extends WorkerDefinition> {
  readonly process: ChildProcess
  readonly log: string[]
  report(): WorkerReport<D> | null
  nudges(): number
  configure(config: WorkerConfig<D>): void
  nudge(): void
  request(name: string, input: unknown): Promise<unknown>
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>
}

function startWorker<D extends WorkerDefinition>(definition: D, name: string): TestWorker<D> {
  const child = fork(fileURLToPath(workerScript(name)), {
    env: workerEnvironment(512, process.env),
    execArgv: [],
  })
  const log: string[] = []
  const answers = new Map<number, (answer: { output: unknown } | { sentence: unknown }) => void>()
  let report: WorkerReport<D> | null = null
  let nudges = 0
  let lastId = 0
  child.on('message', (raw) => {
    const received = fromWorkerSchema.parse(raw)
    if (received.type === 'report') report = definition.report.parse(received.report) as WorkerReport<D>
    else if (received.type === 'nudge') nudges += 1
    else if (received.type === 'log') log.push(`${received.level} ${received.message}`)
    else if (received.type === 'response') answers.get(received.id)?.({ output: received.output })
    else if (received.type === 'failure') answers.get(received.id)?.({ sentence: received.sentence })
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const post = (message: object) => child.connected && child.send(message, () => undefined)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  return {
    process: child,
    log,
    report: () => report,
    nudges: () => nudges,
    configure: (config) => void post({ type: 'configure', config }),
    nudge: () => void post({ type: 'nudge' }),
    request: (request, input) =>
      new Promise((resolve, reject) => {
        lastId += 1
        answers.set(lastId, (answer) =>
          'output' in answer ? resolve(answer.output) : reject(new Error(JSON.stringify(answer.sentence))),
        )
        post({ type: 'request', id: lastId, name: request, input })
      }),
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

export type TestSender = TestWorker<typeof senderDefinition>
/** Where a receiver listens, and the senders that are paired before it begins. */
interface ReceiverConfig {
  storeDirectory: string
  host: string
  /** 0: any free port; the report says which. */
  port: number
  name: string
  paired: readonly { fingerprint: string; name: string }[]
  /** Left out: the default. */
  rules?: StoreRules
}

export interface TestReceiver extends Omit<TestWorker<typeof receiverDefinition>, 'report' | 'configure'> {
  configure(config: ReceiverConfig): Promise<void>
  /** null also while it cannot start. */
  report(): RunningReport | null
}
export const startTestSender = (): TestSender => startWorker(senderDefinition, 'sender')
export function startTestReceiver(): TestReceiver {
  const worker = startWorker(receiverDefinition, 'receiver')
  const report = () => {
    const said = worker.report()
    return said !== null && 'port' in said ? said : null
  }
  const configure = async ({ paired, rules = DEFAULT_RULES, ...config }: ReceiverConfig) => {
    // A store that cannot be used is the receiver's to tell.
    await pairBefore(config.storeDirectory, paired).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error
    })
    // It goes with the store: what a test removes it may set up again.
    const setUpStores = path.join(storeLayout(config.storeDirectory).own, 'set-up')
    worker.configure({ ...config, setUpStores, rules, isocket: null })
  }
  return { ...worker, report, configure }
}

export const DESTINATION = 'there'
export const SOURCE = 'source-1'

/** One sender's directories. */
export interface Home {
  directory: string
  source: string
  ledgerPath: string
  identityDirectory: string
  identity: Identity
}

export async function makeHome(directory: string): Promise<Home> {
  const source = path.join(directory, 'source')
  fs.mkdirSync(source, { recursive: true })
  const identityDirectory = path.join(directory, 'identity')
  const identity = await loadIdentity(identityDirectory)
  return { directory, source, ledgerPath: path.join(directory, 'ledger.db'), identityDirectory, identity }
}

export function receiverConfig(store: string, senders: readonly Home[], port = 0): ReceiverConfig {
  return {
    storeDirectory: store,
    host: '127.0.0.1',
    port,
    name: 'receiver',
    paired: senders.map(({ identity }, index) => ({
      fingerprint: identity.fingerprint,
      name: `sender-${index + 1}`,
    })),
  }
}

/** What a receiver in the test's own process needs besides its address. */
export const receiverParts = {
  rules: DEFAULT_RULES,
  storeThread: workerScript('store-thread'),
}

type SenderConfig = WorkerConfig<typeof senderDefinition>

export function senderConfig(
  home: Home,
  receiver: { port: number; fingerprint: string },
  changes: Partial<Omit<SenderConfig, 'destination'> & { destination: ReceiverDestination }> & {
    groupWriteMark?: boolean
  } = {},
): SenderConfig & { destination: ReceiverDestination } {
  const { groupWriteMark = false, ...rest } = changes
  return {
    identityDirectory: home.identityDirectory,
    ledgerPath: home.ledgerPath,
    destination: { id: DESTINATION, kind: 'receiver', name: 'receiver', host: '127.0.0.1', ...receiver },
    sources: [{ id: SOURCE, path: home.source, name: 'data', groupWriteMark, paused: false }],
    paused: false,
    ...sendingSettingsSchema.parse({ retrySeconds: 2 }),
    keep: defaultSettings.keep,
    limit: { bytesPerSecond: null, schedule: [] },
    ...rest,
  }
}

/** A receiver that trusts these senders, once it listens; after one that has ended, at the port that this one had. */
export async function startListening(store: string, senders: readonly Home[], port?: number) {
  const receiver = startTestReceiver()
  await receiver.configure(receiverConfig(store, senders, port))
  return { receiver, at: await waitUntilListening(receiver) }
}

/**
 * What most tests begin with, in a directory of their own: a home, a receiver that trusts it and listens, the
 * configuration of a sender between the two, and a sender that has not been given it yet.
 */
export async function startPair(base: string, changes: Parameters<typeof senderConfig>[2] = {}) {
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  const { receiver, at } = await startListening(store, [home])
  const config = senderConfig(home, at, changes)
  const arrived = path.join(store, 'sender-1', 'data')
  return { home, store, receiver, sender: startTestSender(), at, config, arrived }
}

/** What the scanner would offer: every regular file below the source, in a fixed order. */
export function listFoundFiles(directory: string, source = SOURCE): FoundFile[] {
  const names = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  return names.flatMap((name) => {
    const stats = fs.lstatSync(path.join(directory, name), { bigint: true })
    if (!stats.isFile()) return []
    const { size, mtimeNs, ctimeNs, ino: inode, dev: device } = stats
    const file = name.split(path.sep).join('/')
    return [{ source, path: file, size: Number(size), mtimeNs, ctimeNs, inode, device }]
  })
}

export function offerAll(home: Home, candidates = listFoundFiles(home.source)): number {
  const ledger = openLedger(home.ledgerPath)
  try {
    return ledger.offer(DESTINATION, candidates)
  } finally {
    ledger.close()
  }
}

export function writeFile(root: string, name: string, content: string | Uint8Array): void {
  const file = path.join(root, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
}

/** Returns the result of `read`; null if the name is gone: the product removes files of its own meanwhile. */
export function readIfThere<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Files and directories below one, relative to it; a directory that is not there has none. */
function entriesBelow(root: string, below = ''): { name: string; isFile: boolean }[] {
  const entries = readIfThere(() => fs.readdirSync(path.join(root, below), { withFileTypes: true })) ?? []
  return entries.flatMap((entry) => {
    const name = path.join(below, entry.name)
    const own = { name, isFile: entry.isFile() }
    return entry.isDirectory() ? [own, ...entriesBelow(root, name)] : [own]
  })
}

/** How many files and directories are below one; one that is not there has none. */
export const countBelow = (root: string): number => entriesBelow(root).length

/**
 * Each regular file's path, size and digest: what a byte comparison of two trees compares. A check's own file, which is
 * there for a moment, is not in the tree, nor is a name that is gone when it is read.
 */
export function readTree(root: string): Record<string, string> {
  const tree: Record<string, string> = {}
  for (const { name, isFile } of entriesBelow(root)) {
    const isCompared = isFile && !path.basename(name).startsWith('.holdfast-probe-')
    const digest = isCompared ? readIfThere(() => digestFile(path.join(root, name))) : null
    if (digest !== null) tree[name] = digest
  }
  return tree
}

/** A file's size and SHA-256. */
export function digestFile(file: string): string {
  const bytes = fs.readFileSync(file)
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`
}

/** A small generator (mulberry32), so that a failing run can be repeated from its seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function newSeed(what: string): number {
  const seed = Number(process.env.HOLDFAST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`${what}: seed ${seed} (HOLDFAST_SEED=${seed} repeats it)`)
  return seed
}

export async function waitUntilListening(
  receiver: TestReceiver,
): Promise<{ port: number; fingerprint: string }> {
  const { port, fingerprint } = await until('the receiver listens', () => receiver.report())
  return { port, fingerprint }
}

/** Waits until everything that was offered is sent. */
export async function allSent(sender: TestSender, files: number, withinMs = 60_000): Promise<void> {
  await until(
    `${files} files sent`,
    () => {
      const totals = sender.report()?.totals[SOURCE]
      return totals?.sentFiles === files && totals.waitingFiles === 0
    },
    withinMs,
  ).catch((error: unknown) => {
    throw new Error(
      `${String(error)}; last report ${JSON.stringify(sender.report())}; ${sender.log.join('; ')}`,
    )
  })
}
