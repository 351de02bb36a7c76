import { type ChildProcess, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { probeKinds } from '../../core/check/checker-messages.ts'
import { startBareLoop, startStdio, startSupervised, type Target } from './check-targets.ts'
import { measureUsage } from './process-tree.ts'
import { quantile, type Row } from './row.ts'

/** Until nothing is compiled any more, in milliseconds. */
const WARM_MS = 13_000
const WINDOW_MS = 8_000
const TICKS_WITH_HANGS = 100
/** Until V8's heap has its size; what grows after it would be held. */
const HANGS_WARM_MS = 60_000

/** What healthy checks cost, and what hundreds of hung paths cost them. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  try {
    return [
      ...(await measureHealthy(directory)),
      ...(await measureDirectories(directory)),
      ...(await measureHung(directory)),
      ...(await measureMany(directory)),
    ]
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
    cpu('holdfast check', ofStdio.microseconds),
    cpu('supervised', ofAll.microseconds),
    plain(metric('memory, holdfast check'), ofStdio.residentMiB, 'MiB'),
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
    const metric = (what: string) => `500 hung + 100 healthy, ${what}, holdfast check`
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
