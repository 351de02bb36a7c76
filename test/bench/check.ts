import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { workerHeap } from '../../core/agent/workers/starter.ts'
import { checkerDefinition, probeKinds } from '../../core/check/checker-messages.ts'
import type { CheckerConfig } from '../../core/check/scheduler/checker.ts'
import { fromWorkerSchema } from '../../core/lib/workers/definition.ts'
import { defaultSettings } from '../../core/settings/schema.ts'
import { measureUsage } from '../support/process-tree.ts'
import { quantile, type Row } from './row.ts'

const project = path.resolve(import.meta.dirname, '../..')
const thisFile = fileURLToPath(import.meta.url)
/** Until nothing is compiled any more, in milliseconds. */
const WARM_MS = 13_000
const WINDOW_MS = 8_000
const TICKS_WITH_HANGS = 100
/** Until V8's heap has its size; what grows after it would be held. */
const HANGS_WARM_MS = 60_000

/** What healthy checks cost, and what hundreds of hung paths cost them. */
export async function* run(): AsyncGenerator<Row> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  try {
    yield* await measureHealthy(directory)
    yield* await measureDirectories(directory)
    yield* await measureHung(directory)
    yield* await measureMany(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measureHealthy(directory: string): Promise<Row[]> {
  const files = makeFiles(path.join(directory, 'thousand'), 1_000)
  const loop = startBareLoop(path.join(directory, 'thousand'))
  const bare = await measureCost(loop, loop.pid ?? 0, () => (WINDOW_MS / 1_000) * files.length)
  const stdio = startStdio(files, 1)
  const ofStdio = await measureCost(stdio.child, stdio.pid, counter(stdio))
  const all = startSupervised(asPaths(files), 1)
  const ofAll = await measureCost(all.child, all.pid, counter(all))
  const metric = (what: string) => `1,000 healthy files at 1 s, ${what}`
  const reference = { name: 'bare loop', value: bare.microseconds }
  const cpu = (name: string, value: number) => ({
    ...plain(metric(`CPU a check, ${name}`), value, 'µs'),
    reference,
  })
  return [
    cpu('holdfast check --pipe', ofStdio.microseconds),
    cpu('supervised', ofAll.microseconds),
    plain(metric('memory, holdfast check --pipe'), ofStdio.residentMiB, 'MiB'),
    plain(metric('memory, supervised'), ofAll.residentMiB, 'MiB'),
  ]
}

async function measureDirectories(directory: string): Promise<Row[]> {
  const parent = path.join(directory, 'directories')
  const directories = Array.from({ length: 50 }, (_, index) => path.join(parent, `directory${index}`))
  for (const one of directories) mkdirSync(one, { recursive: true })
  const loop = startBareLoop(parent, 'write')
  const bare = await measureCost(loop, loop.pid ?? 0, () => (WINDOW_MS / 1_000) * directories.length)
  const checker = startSupervised(asPaths(directories), 1)
  const cost = await measureCost(checker.child, checker.pid, counter(checker))
  const metric = '50 healthy directories at 1 s, CPU a check, supervised'
  const reference = { name: 'bare loop', value: bare.microseconds }
  return [{ ...plain(metric, cost.microseconds, 'µs'), reference }]
}

async function measureHung(directory: string): Promise<Row[]> {
  const fifos = makeFifos(path.join(directory, 'fifos'), 500)
  const files = makeFiles(path.join(directory, 'hundred'), 100)
  const target = startStdio([...fifos, ...files], 1)
  try {
    await delay(HANGS_WARM_MS)
    const before = measureUsage(target.pid)
    target.takeLateness()
    await delay(TICKS_WITH_HANGS * 1_000)
    const after = measureUsage(target.pid)
    const metric = (what: string) => `500 hung + 100 healthy, ${what}, holdfast check --pipe`
    const grown = after.residentMiB - before.residentMiB
    return [
      plain(metric('lateness p99'), quantile(target.takeLateness(), 0.99), 'ms', { atMost: 50 }),
      // libuv starts all the threads that its pool may have with the first call.
      plain(metric('threads'), after.threads, '', { atMost: 600 }),
      plain(metric(`memory grown over ${TICKS_WITH_HANGS} ticks`), grown, 'MiB', { atMost: 10 }),
      plain(metric('memory'), after.residentMiB, 'MiB'),
    ]
  } finally {
    target.child.kill('SIGKILL')
  }
}

async function measureMany(directory: string): Promise<Row[]> {
  const files = makeFiles(path.join(directory, 'many'), 10_000)
  const stdio = startStdio(files, 10)
  const cost = await measureCost(stdio.child, stdio.pid, counter(stdio), { warmMs: 15_000, windowMs: 10_000 })
  const late = stdio.takeLateness()
  return [
    plain('10,000 healthy at 10 s, CPU a check', cost.microseconds, 'µs'),
    plain('10,000 healthy at 10 s, lateness median', quantile(late, 0.5), 'ms'),
    plain('10,000 healthy at 10 s, lateness p99', quantile(late, 0.99), 'ms'),
    plain('10,000 healthy at 10 s, memory', cost.residentMiB, 'MiB'),
  ]
}

/** CPU time for each check in a window, and the memory at its end; ends the process. */
async function measureCost(
  child: ChildProcess,
  pid: number,
  checksSince: () => number,
  { warmMs, windowMs } = { warmMs: WARM_MS, windowMs: WINDOW_MS },
): Promise<{ microseconds: number; residentMiB: number }> {
  try {
    await delay(warmMs)
    const before = measureUsage(pid)
    checksSince()
    await delay(windowMs)
    const after = measureUsage(pid)
    const microseconds = (after.cpuMicroseconds - before.cpuMicroseconds) / checksSince()
    return { microseconds, residentMiB: after.residentMiB }
  } finally {
    child.kill('SIGKILL')
  }
}

/** Checks since the last call; the lateness of those before it is dropped. */
function counter(target: Target): () => number {
  let last = 0
  return () => {
    const count = target.checks() - last
    if (last === 0) target.takeLateness()
    last = target.checks()
    return count
  }
}

function plain(metric: string, value: number, unit: string, target: Row['target'] = null): Row {
  return { metric, value, unit, reference: null, target }
}

function asPaths(paths: string[]) {
  return paths.map((one) => ({ id: one, path: one, probes: [...probeKinds] }))
}

function makeFiles(directory: string, count: number): string[] {
  mkdirSync(directory)
  const files = Array.from({ length: count }, (_, index) => path.join(directory, `file${index}`))
  for (const file of files) writeFileSync(file, 'x'.repeat(4096))
  execFileSync('sync', ['-f', directory])
  return files
}

function makeFifos(directory: string, count: number): string[] {
  mkdirSync(directory)
  const fifos = Array.from({ length: count }, (_, index) => path.join(directory, `fifo${index}`))
  for (let start = 0; start < count; start += 500) execFileSync('mkfifo', fifos.slice(start, start + 500))
  return fifos
}

/** A running checker, and how late each of its checks of these paths was. */
interface Target {
  child: ChildProcess
  pid: number
  checks(): number
  /** Milliseconds from each check's place in the timetable to its event; those since the last call. */
  takeLateness(): number[]
}

function startBareLoop(directory: string, does: 'read' | 'write' = 'read'): ChildProcess {
  return spawn(process.execPath, [thisFile, directory, does], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** The reply to a start may itself be read late by this much, in milliseconds: what follows then seems early. */
const EARLY_MS = 100

/** Checks counted against their timetable: the k-th is due k intervals after the start. */
function createTimetables(intervalMs: number) {
  const starts = new Map<string, number>()
  let lateness: number[] = []
  let count = 0
  return {
    start: (id: string, nowMs: number) => void starts.set(id, nowMs),
    check: (id: string, nowMs: number) => {
      count += 1
      const sinceMs = nowMs - (starts.get(id) ?? nowMs)
      const tick = Math.floor((sinceMs + EARLY_MS) / intervalMs)
      lateness.push(sinceMs - tick * intervalMs)
    },
    count: () => count,
    take: () => {
      const taken = lateness
      lateness = []
      return taken
    },
  }
}

/** `holdfast check --pipe`, timed where a parent program reads its events. */
function startStdio(paths: string[], intervalSeconds: number): Target {
  const timetables = createTimetables(intervalSeconds * 1000)
  const child = spawn(process.execPath, [path.join(project, 'cli/holdfast.ts'), 'check'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const now = performance.now()
    const lines = `${rest}${chunk.toString('latin1')}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [verb, one = '', errno] = line.split(' ')
      if (verb === 'start') timetables.start(one, now)
      else if (errno === '0') timetables.check(one, now)
    }
  })
  child.stdin.write(paths.map((one) => `start ${one} ${intervalSeconds}\n`).join(''))
  return { child, pid: child.pid ?? 0, checks: timetables.count, takeLateness: timetables.take }
}

/** The supervised checker, as the agent starts it. */
function startSupervised(paths: CheckerConfig['paths'], intervalSeconds: number): Target {
  const timetables = createTimetables(intervalSeconds * 1000)
  const known = new Set<string>()
  const child = fork(path.join(project, 'cli/workers/checker.ts'), {
    env: { ...process.env, UV_THREADPOOL_SIZE: '576' },
    execArgv: [...workerHeap('checker')],
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  const config: CheckerConfig = {
    ...defaultSettings.check,
    intervalSeconds,
    timeoutSeconds: null,
    slowSeconds: 5,
    historyPath: null,
    paths,
    diskHealth: false,
    knownMounts: {},
  }
  child.on('message', (raw) => {
    const said = fromWorkerSchema.parse(raw)
    if (said.type === 'ready') child.send({ type: 'configure', config })
    if (said.type !== 'report') return
    for (const { id, at } of checkerDefinition.report.parse(said.report).checked) {
      if (!known.has(id)) timetables.start(id, at)
      known.add(id)
      timetables.check(id, at)
    }
  })
  return { child, pid: child.pid ?? 0, checks: timetables.count, takeLateness: timetables.take }
}

/**
 * Checks the contents of a directory once a second by a bare synchronous loop: the least that checks can cost. Runs in a
 * process of its own: `node check.ts DIRECTORY read|write`.
 */
function runBareLoop([directory = '.', does = 'read']: readonly string[]): void {
  const paths = readdirSync(directory).map((name) => path.join(directory, name))
  // O_DIRECT wants aligned memory, which WebAssembly's is.
  const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, 4096)

  function readFile(one: string): void {
    const file = openSync(one, constants.O_RDONLY | constants.O_DIRECT)
    readSync(file, memory, 0, 4096, null)
    closeSync(file)
  }

  function writeIn(one: string): void {
    readdirSync(one)
    const name = path.join(one, '.bare')
    const file = openSync(name, 'wx')
    writeSync(file, 'x')
    fsyncSync(file)
    readFile(name)
    closeSync(file)
    lstatSync(name)
    unlinkSync(name)
  }

  setInterval(() => {
    for (const one of paths) does === 'write' ? writeIn(one) : readFile(one)
  }, 1_000)
}

if (process.argv[1] === thisFile) runBareLoop(process.argv.slice(2))
