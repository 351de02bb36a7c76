import { type ChildProcess, execFile, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ensurePackages } from '../../build/setup/system.mjs'
import { workerEnvironment, workerHeap } from '../../core/agent/workers/starter.ts'
import { type FoundFile, type Ledger, openLedger } from '../../core/ledger/ledger.ts'
import type { FromWorker } from '../../core/lib/workers/definition.ts'
import type { Scanned } from '../../core/scan/scanner-messages.ts'
import { sourceSchema } from '../../core/settings/schema.ts'
import { measureUsage, peakMiB } from '../support/process-tree.ts'
import { until } from '../support/until.ts'
import { median, quantile, type Row } from './row.ts'
import { burstIndex, monotonicMs, WATCHED } from './scan-stamps.ts'

const thisFile = fileURLToPath(import.meta.url)
const project = path.resolve(import.meta.dirname, '../..')

/** The scanner against inotifywait and find on the same trees. */
export async function* run(): AsyncGenerator<Row> {
  await ensurePackages(['inotify-tools', 'findutils'], 'the benchmark of the scanner')
  const places = await makePlaces()
  try {
    yield* measureBursts(places)
    yield* await measureReady(places)
    yield* await measureMillion(places)
  } finally {
    removePlaces(places)
  }
}

/** Directories of one run. */
interface Places {
  /** In memory where the system has that: what is measured is the watcher and its peer, not a disk. */
  trees: string
  /** On the disk, as in life. */
  ledgers: string
  /** The scanner's own file, bundled. */
  subject: string
}

const MEMORY = '/dev/shm'
const SUBJECT = 'test/bench/scan-subject'

async function makePlaces(): Promise<Places> {
  const make = (directory: string) => mkdtempSync(path.join(directory, 'holdfast-bench-'))
  const ledgers = make(tmpdir())
  const bundled = path.join(ledgers, 'bundle')
  await bundle(bundled, [SUBJECT, 'cli/workers/inotify-thread'])
  const subject = path.join(bundled, `${SUBJECT}.js`)
  return { trees: make(existsSync(MEMORY) ? MEMORY : tmpdir()), ledgers, subject }
}

function removePlaces({ trees, ledgers }: Places): void {
  for (const directory of [trees, ledgers]) rmSync(directory, { recursive: true, force: true })
}

/**
 * Bundles processes and threads (files of the project, without ".ts") into a directory, as the desktop application
 * ships them: what Node needs to strip types from TypeScript, in each process and each thread, is neither the
 * product's time nor its memory. Each is at its own path, with ".js".
 */
async function bundle(directory: string, files: readonly string[]): Promise<void> {
  const { build } = await import('vite')
  await build({
    root: project,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: directory,
      target: 'node20.18',
      minify: false,
      rolldownOptions: {
        // Native modules are loaded from node_modules, which a link in the bundle leads to.
        external: [/^koffi$/, /^@photostructure\/sqlite$/, /^msgpackr-extract$/, /^ssh2$/, /^@napi-rs\//],
        input: Object.fromEntries(files.map((name) => [name, path.join(project, `${name}.ts`)])),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
    ssr: { noExternal: true },
  })
  symlinkSync(path.join(project, 'node_modules'), path.join(directory, 'node_modules'))
}

// Bursts of new files

const BURST = { files: 20_000, directories: 200, bytes: 100 }

/** A burst before the one that counts: a scanner that has been at work has its code compiled. */
const WARM_UP = 5_000

const WARM_UP_WORD = 'warm-up'

/** Where a burst's files go: into directories that are there, into new ones, into new ones in new ones. */
const scenarios = ['existing', 'new', 'nested'] as const
type Scenario = (typeof scenarios)[number]

/** The directory of a burst with this number, relative to the tree. */
function burstDirectory(scenario: Scenario, directory: number): string {
  if (scenario !== 'nested') return `dir${directory}`
  return `top${Math.floor(directory / 50)}/middle${Math.floor(directory / 5)}/deep/dir${directory}`
}

/** The file of a burst with this number, relative to the tree. */
function burstFile(scenario: Scenario, index: number): string {
  const directory = Math.floor(index / (BURST.files / BURST.directories))
  return `${burstDirectory(scenario, directory)}/f${index}`
}

/** The file of the burst before, relative to the tree. */
function warmUpFile(index: number): string {
  return `warm-up${Math.floor(index / 100)}/w${index}`
}

/**
 * Writes one burst as fast as it can, in a process of its own: `node scan.ts ROOT SCENARIO|warm-up OUT`. Then OUT has the
 * time of each file's close, as JSON.
 */
function writeBurst([root = '', scenario = 'existing', out = '']: readonly string[]): void {
  const content = Buffer.alloc(BURST.bytes, 'x')
  const closedAt: number[] = []
  const isWarmUp = scenario === WARM_UP_WORD
  let made = ''
  for (let index = 0; index < (isWarmUp ? WARM_UP : BURST.files); index += 1) {
    const file = path.join(root, isWarmUp ? warmUpFile(index) : burstFile(scenario as Scenario, index))
    const directory = path.dirname(file)
    // Straight after the directory its files follow: what came between the two is what watchers lose.
    if (directory !== made) mkdirSync(directory, { recursive: true })
    made = directory
    const fd = openSync(file, 'wx')
    writeSync(fd, content)
    closeSync(fd)
    closedAt.push(monotonicMs())
  }
  writeFileSync(out, JSON.stringify(closedAt))
}

const ROUNDS = 3
/** The scan has ended if no file has come for so long, in milliseconds. */
const SILENT_MS = 1_500

const titles: Record<Scenario, string> = {
  existing: '20,000 files in 200 directories',
  new: '20,000 files in 200 new directories',
  nested: '20,000 files in 200 new nested directories',
}

/** A burst as a watcher saw it. */
interface Seen {
  reported: number
  /** Milliseconds from the file's close to its report, of those that were reported. */
  p50: number
  p99: number
  cpuMs: number
  peakMiB: number
}

/** The same burst before inotifywait and before the scanner, in turns; the median of each figure. */
async function* measureBursts(places: Places): AsyncGenerator<Row> {
  for (const scenario of scenarios) {
    const rounds: { peer: Seen; heard: Seen; offered: Seen }[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const within = (name: string): Places => ({
        subject: places.subject,
        // On the disk, too: in memory the writer alone keeps two processors busy.
        trees: path.join(places.ledgers, scenario, `${round}`, name, 'tree'),
        ledgers: path.join(places.ledgers, scenario, `${round}`, name),
      })
      const peer = await before(scenario, within('peer'), seenByInotifywait)
      const [heard, offered] = await before(scenario, within('ours'), seenByScanner)
      rounds.push({ peer, heard, offered })
    }
    yield* buildRows(titles[scenario], rounds)
  }
}

function buildRows(title: string, rounds: { peer: Seen; heard: Seen; offered: Seen }[]): Row[] {
  const of = (who: 'peer' | 'heard' | 'offered', what: keyof Seen) =>
    median(rounds.map((round) => round[who][what]))
  const least = (who: 'peer' | 'offered') => Math.min(...rounds.map((round) => round[who].reported))
  const name = 'inotifywait'
  const row = (
    metric: string,
    unit: string,
    who: 'heard' | 'offered',
    what: keyof Seen,
    atMost?: number,
  ): Row => ({
    metric: `${title}, ${metric}`,
    value: of(who, what),
    unit,
    reference: { name, value: of('peer', what) },
    target: atMost === undefined ? null : { atMost },
  })
  return [
    {
      metric: `${title}, in the ledger`,
      value: least('offered'),
      unit: 'files',
      reference: null,
      target: { atLeast: BURST.files },
    },
    {
      metric: `${title}, reported by inotifywait`,
      value: least('peer'),
      unit: 'files',
      reference: null,
      target: null,
    },
    row('close to watcher p50', 'ms', 'heard', 'p50'),
    row('close to watcher p99', 'ms', 'heard', 'p99', 2),
    row('close to ledger p50', 'ms', 'offered', 'p50'),
    // Without a target: what inotifywait reports nobody has written down.
    row('close to ledger p99', 'ms', 'offered', 'p99'),
    row('CPU', 'ms', 'offered', 'cpuMs'),
    row('peak memory', 'MiB', 'offered', 'peakMiB'),
  ]
}

/** Writes the burst, or the one before it; gives when each file was closed. */
type Burst = (what?: typeof WARM_UP_WORD) => Promise<number[]>

async function before<T>(
  scenario: Scenario,
  places: Places,
  see: (places: Places, burst: Burst) => Promise<T>,
): Promise<T> {
  const { trees: root, ledgers } = places
  for (const directory of [root, ledgers]) mkdirSync(directory, { recursive: true })
  if (scenario === 'existing') {
    for (let one = 0; one < BURST.directories; one += 1)
      mkdirSync(path.join(root, burstDirectory(scenario, one)))
  }
  const out = path.join(ledgers, 'closed.json')
  return see(places, async (what) => {
    await promisify(execFile)(process.execPath, [thisFile, root, what ?? scenario, out])
    return JSON.parse(readFileSync(out, 'utf8')) as number[]
  })
}

async function seenByInotifywait({ trees: root }: Places, burst: Burst): Promise<Seen> {
  const peer = await startInotifywait(root)
  try {
    await burst(WARM_UP_WORD)
    const cpuBefore = measureUsage(peer.pid).cpuMicroseconds
    const closedAt = await burst()
    await noMore(() => countKnown(peer.reportedAt))
    return { ...seen(closedAt, peer.reportedAt), ...costSince(peer.pid, cpuBefore) }
  } finally {
    await peer.stop()
  }
}

/** As it came out of the watcher, and as it was in the ledger. */
async function seenByScanner(places: Places, burst: Burst): Promise<[Seen, Seen]> {
  const scanner = await startScanner(places.subject, places.ledgers, places.trees)
  try {
    scanner.configure()
    await until('the tree is watched', () => scanner.phase() === 'watching')
    await burst(WARM_UP_WORD)
    await until('the first burst is in the ledger', () => scanner.waiting() === WARM_UP)
    const cpuBefore = measureUsage(scanner.pid).cpuMicroseconds
    const closedAt = await burst()
    await noMore(() => scanner.waiting() - WARM_UP)
    const cost = costSince(scanner.pid, cpuBefore)
    const { heardAt, offeredAt } = await scanner.stamps()
    return [
      { ...seen(closedAt, heardAt), ...cost },
      { ...seen(closedAt, offeredAt), ...cost },
    ]
  } finally {
    await scanner.stop()
  }
}

async function noMore(count: () => number): Promise<void> {
  let last = -1
  for (let now = count(); now < BURST.files && now !== last; now = count()) {
    last = now
    await delay(SILENT_MS)
  }
}

function costSince(pid: number, cpuBefore: number): Pick<Seen, 'cpuMs' | 'peakMiB'> {
  return { cpuMs: (measureUsage(pid).cpuMicroseconds - cpuBefore) / 1000, peakMiB: peakMiB(pid) }
}

function seen(closedAt: number[], reportedAt: (number | null)[]): Omit<Seen, 'cpuMs' | 'peakMiB'> {
  const latencies = reportedAt.flatMap((at, index) => {
    const closed = closedAt[index]
    return at === null || at === undefined || closed === undefined ? [] : [at - closed]
  })
  return {
    reported: latencies.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  }
}

function countKnown(times: (number | null)[]): number {
  return times.reduce<number>((count, at) => (at === null ? count : count + 1), 0)
}

// A large tree, until it is watched

const READY_DIRECTORIES = 1_000
const READY_FILES_EACH = 100
const READY_ROUNDS = 3

/**
 * How long a large tree takes to be watched: every directory has its watch, the first comparison begins, and a file
 * that is written now is reported. Counted from the configuration of a running scanner, as for a source that a person
 * adds; of inotifywait from its start to "Watches established.".
 */
async function measureReady({ trees, ledgers, subject }: Places): Promise<Row[]> {
  const root = path.join(trees, 'ready')
  makeTree(root, READY_DIRECTORIES, READY_FILES_EACH)
  const rounds: { peer: number; watched: number; reported: number }[] = []
  for (let round = 0; round < READY_ROUNDS; round += 1) {
    const peer = await startInotifywait(root)
    await peer.stop()
    const place = path.join(ledgers, `ready${round}`)
    mkdirSync(place)
    rounds.push({
      peer: peer.establishedMs,
      ...(await readyOnce(() => startScanner(subject, place, root), root, round)),
    })
  }
  const of = (what: 'peer' | 'watched' | 'reported') => median(rounds.map((round) => round[what]))
  const title = `${(READY_DIRECTORIES * READY_FILES_EACH).toLocaleString('en')} files in ${READY_DIRECTORIES.toLocaleString('en')} directories`
  const row = (metric: string, value: number, reference: Row['reference'], target: Row['target']): Row => ({
    metric: `${title}, ${metric}`,
    value,
    unit: 'ms',
    reference,
    target,
  })
  return [
    row('ready', of('watched'), null, { atMost: 500 }),
    row('ready, against inotifywait', of('watched'), { name: 'inotifywait', value: of('peer') }, null),
    row('close of a file written then to ledger', of('reported'), null, null),
  ]
}

async function readyOnce(
  start: () => Promise<BenchScanner>,
  root: string,
  round: number,
): Promise<{ watched: number; reported: number }> {
  const scanner = await start()
  try {
    const startedAt = scanner.configure()
    await scanner.watched()
    writeFileSync(path.join(root, treeDirectory(READY_DIRECTORIES - 1), `f${round}`), 'now')
    const closedAt = monotonicMs()
    const files = READY_DIRECTORIES * READY_FILES_EACH + round + 1
    await until('the tree is in the ledger', () => scanner.waiting() === files)
    const { watchedAt, offeredAt } = await scanner.stamps()
    return {
      watched: (watchedAt ?? Number.NaN) - startedAt,
      reported: (offeredAt[round] ?? Number.NaN) - closedAt,
    }
  } finally {
    await scanner.stop()
  }
}

// A million files compared with the ledger

const MILLION_DIRECTORIES = 1_000
const MILLION_FILES_EACH = 1_000
const TOUCHED = 1_000
const MILLION_ROUNDS = 3

/** Compares a million files, all of which are durable already, with the ledger, against `find` on the same tree. */
async function measureMillion({ trees, ledgers, subject }: Places): Promise<Row[]> {
  const root = path.join(trees, 'million')
  const place = path.join(ledgers, 'million')
  mkdirSync(place)
  makeTree(root, MILLION_DIRECTORIES, MILLION_FILES_EACH)
  const ledger = openLedger(path.join(place, LEDGER))
  try {
    offerAll(ledger, root)
    return await measureScanner(await startScanner(subject, place, root), root, ledger)
  } finally {
    ledger.close()
    rmSync(root, { recursive: true, force: true })
  }
}

async function measureScanner(scanner: BenchScanner, root: string, ledger: Ledger): Promise<Row[]> {
  try {
    scanner.configure()
    await until('the tree is watched', () => scanner.phase() === 'watching', 120_000)
    const peer: number[] = []
    const ours: number[] = []
    const cpu: number[] = []
    for (let round = 0; round < MILLION_ROUNDS; round += 1) {
      peer.push(await findSeconds(root))
      const cpuBefore = measureUsage(scanner.pid).cpuMicroseconds
      const startedAt = monotonicMs()
      await scanner.reconcile()
      ours.push((monotonicMs() - startedAt) / 1000)
      cpu.push((measureUsage(scanner.pid).cpuMicroseconds - cpuBefore) / 1e6)
    }
    const unchanged = scanner.waiting()
    const touched = touch(root)
    await scanner.reconcile()
    await until('the touched files wait', () => scanner.waiting() >= TOUCHED)
    const offered = ledger.take(DESTINATION, SOURCE, 2 * TOUCHED, Date.now(), new Set())
    const right = offered.filter((file) => touched.has(file.path)).length
    const name = `find -printf`
    const row = (metric: string, value: number, unit: string, rest: Partial<Row> = {}): Row => ({
      metric: `1,000,000 files reconciled, ${metric}`,
      value,
      unit,
      reference: null,
      target: null,
      ...rest,
    })
    return [
      row('time', median(ours), 's', { reference: { name, value: median(peer) } }),
      row('CPU', median(cpu), 's', { reference: { name: `time of ${name}`, value: median(peer) } }),
      row('peak memory of the scanner', peakMiB(scanner.pid), 'MiB', { target: { atMost: 200 } }),
      row('offered again although the same', unchanged, 'files', { target: { atMost: 0 } }),
      row(`${TOUCHED} touched, of them offered again`, right, 'files', { target: { atLeast: TOUCHED } }),
      row(`${TOUCHED} touched, others offered`, offered.length - right, 'files', { target: { atMost: 0 } }),
    ]
  } finally {
    await scanner.stop()
  }
}

/** Times `find`, which reads the same of each file. */
async function findSeconds(root: string): Promise<number> {
  const startedAt = monotonicMs()
  const find = spawn('find', [root, '-type', 'f', '-printf', '%s %T@ %i\\n'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(find, 'exit')
  if (code !== 0) throw new Error(`find ended with ${code}`)
  return (monotonicMs() - startedAt) / 1000
}

/** As after a first run: every file is in the ledger and was sent. */
function offerAll(ledger: Ledger, root: string): void {
  for (const name of readdirSync(root)) {
    const candidates: FoundFile[] = readdirSync(path.join(root, name)).map((file) => {
      const {
        size,
        mtimeNs,
        ctimeNs,
        ino: inode,
        dev: device,
      } = lstatSync(path.join(root, name, file), { bigint: true })
      return { source: SOURCE, path: `${name}/${file}`, size: Number(size), mtimeNs, ctimeNs, inode, device }
    })
    ledger.offer(DESTINATION, candidates)
    const due = ledger.take(DESTINATION, SOURCE, MILLION_FILES_EACH, Date.now(), new Set())
    ledger.markSent(
      due.map(({ id, generation }) => ({ id, generation, mark: false })),
      Date.now(),
    )
  }
}

/** Gives files all over the tree another time, each by inode and size the same; returns their paths. */
function touch(root: string): Set<string> {
  const paths = Array.from(
    { length: TOUCHED },
    (_, one) => `${treeDirectory(one)}/file${(one * 7) % MILLION_FILES_EACH}.dat`,
  )
  for (const file of paths) utimesSync(path.join(root, file), 1_000_000, 1_000_000)
  return new Set(paths)
}

// The scanner and its peer

const DESTINATION = 'bench'
const SOURCE = 's'
const LEDGER = 'ledger.db'

/** The subject's record: milliseconds of the monotonic clock by the file's number. */
interface Stamps {
  heardAt: (number | null)[]
  offeredAt: (number | null)[]
  watchedAt: number | null
}

interface BenchScanner {
  readonly pid: number
  /** Gives it the tree as its source; returns when that was. */
  configure(): number
  phase(): Scanned['phase'] | null
  /** Has it compare the tree with the ledger; resolves when it has. */
  reconcile(): Promise<void>
  /** Resolves as soon as every directory is watched. */
  watched(): Promise<void>
  /** Files that wait in its ledger. */
  waiting(): number
  stamps(): Promise<Stamps>
  stop(): Promise<void>
}

/** Starts the scanner process `subject` on one tree, with a ledger and stamps in `directory`. */
async function startScanner(subject: string, directory: string, root: string): Promise<BenchScanner> {
  const stampsPath = path.join(directory, 'stamps.json')
  const ledgerPath = path.join(directory, LEDGER)
  const child = fork(subject, [stampsPath], {
    env: workerEnvironment(512, process.env),
    execArgv: [...workerHeap('scanner')],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let ready = false
  let phase: Scanned['phase'] | null = null
  let answered = 0
  const watched = new Promise<void>((resolve) => {
    child.on('message', (raw) => {
      if (raw === WATCHED) resolve()
    })
  })
  child.on('message', (raw) => {
    if (raw === WATCHED) return
    const message = raw as FromWorker
    if (message.type === 'ready') ready = true
    if (message.type === 'response') answered = message.id
    if (message.type === 'report')
      phase = (message.report as { scanned: Scanned[] }).scanned[0]?.phase ?? phase
  })
  await until('the scanner process', () => ready)
  const ledger = openLedger(ledgerPath)
  const config = {
    sources: [sourceSchema.parse({ id: SOURCE, path: root, name: 'source' })],
    ledgerPath,
    destinations: [DESTINATION],
    reconcileSeconds: 86_400,
    quietSeconds: 2,
  }
  let requests = 0
  return {
    pid: child.pid ?? 0,
    configure: () => {
      const at = monotonicMs()
      child.send({ type: 'configure', config })
      return at
    },
    phase: () => phase,
    reconcile: async () => {
      requests += 1
      const id = requests
      child.send({ type: 'request', id, name: 'reconcile', input: {} })
      await until('the comparison', () => answered >= id, 120_000)
    },
    watched: () => watched,
    waiting: () => ledger.totals(DESTINATION)[SOURCE]?.waitingFiles ?? 0,
    stamps: async () => {
      rmSync(stampsPath, { force: true })
      child.kill('SIGUSR2')
      await until('the stamps', () => existsSync(stampsPath))
      return JSON.parse(readFileSync(stampsPath, 'utf8')) as Stamps
    },
    stop: async () => {
      child.kill('SIGKILL')
      await exited
      ledger.close()
    },
  }
}

/** A running `inotifywait -m -r`, and when its lines about a burst's files came out of its pipe. */
interface Inotifywait {
  readonly pid: number
  /** From its start to "Watches established.", in milliseconds. */
  readonly establishedMs: number
  reportedAt: (number | null)[]
  stop(): Promise<void>
}

async function startInotifywait(root: string): Promise<Inotifywait> {
  const startedAt = monotonicMs()
  const words = ['-m', '-r', '-e', 'close_write', '-e', 'moved_to', '--format', '%w%f', root]
  const child = spawn('inotifywait', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const reportedAt: (number | null)[] = []
  stampLines(child, reportedAt)
  const establishedMs = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error('inotifywait ended before its watches were established')))
    createInterface(child.stderr).on('line', (line) => {
      if (line.startsWith('Watches established')) resolve(monotonicMs() - startedAt)
    })
  })
  return {
    pid: child.pid ?? 0,
    establishedMs,
    reportedAt,
    stop: () => {
      child.kill('SIGKILL')
      return exited
    },
  }
}

/** All lines of one chunk came at the same moment. */
function stampLines(child: ChildProcess, reportedAt: (number | null)[]): void {
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const at = monotonicMs()
    const lines = `${rest}${chunk.toString()}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const index = burstIndex(line)
      if (index !== null) reportedAt[index] ??= at
    }
  })
}

/** Makes `directories` directories with `files` empty files in each. */
function makeTree(root: string, directories: number, files: number): void {
  for (let one = 0; one < directories; one += 1) {
    const directory = path.join(root, treeDirectory(one))
    mkdirSync(directory, { recursive: true })
    for (let file = 0; file < files; file += 1)
      closeSync(openSync(path.join(directory, `file${file}.dat`), 'wx'))
  }
}

function treeDirectory(index: number): string {
  return `dir${String(index).padStart(4, '0')}`
}

if (process.argv[1] === thisFile) writeBurst(process.argv.slice(2))
