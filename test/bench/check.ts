import { type ChildProcess, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startBareLoop, startStdio, startSupervised, type Target } from './check-targets.ts'
import { usageOf } from './process-tree.ts'
import { quantile, type Row } from './row.ts'

/** Until nothing is compiled any more, in milliseconds. */
const WARM_MS = 13_000
const WINDOW_MS = 8_000
const TICKS_WITH_HANGS = 100
/** Until V8's heap has its size; what grows after it would be held. */
const HANGS_WARM_MS = 60_000

/** What healthy checks cost, and what a thousand hung paths cost them. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  try {
    return [
      ...(await measureHealthy(directory)),
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
  const bare = await costOf(loop, loop.pid ?? 0, () => (WINDOW_MS / 1_000) * files.length)
  const stdio = startStdio(files, 1)
  const ofStdio = await costOf(stdio.child, stdio.pid, counter(stdio))
  const reads = startSupervised(asPaths(files, ['read']), 1)
  const ofReads = await costOf(reads.child, reads.pid, counter(reads))
  const all = startSupervised(asPaths(files, ['mount', 'read', 'write']), 1)
  const ofAll = await costOf(all.child, all.pid, counter(all))
  const cpu = (name: string, value: number, target: Row['target']): Row => ({
    metric: `1,000 healthy at 1 s, CPU a check, ${name}`,
    value,
    unit: 'µs',
    reference: { name: 'bare loop', value: bare.microseconds },
    target,
  })
  return [
    cpu('holdfast check', ofStdio.microseconds, { atMost: 1.5 }),
    cpu('supervised, read', ofReads.microseconds, { atMost: 1.5 }),
    cpu('supervised, mount + read + write', ofAll.microseconds, null),
    plain('1,000 healthy at 1 s, memory, holdfast check', ofStdio.residentMiB, 'MiB'),
    plain('1,000 healthy at 1 s, memory, supervised', ofReads.residentMiB, 'MiB'),
  ]
}

async function measureHung(directory: string): Promise<Row[]> {
  const fifos = makeFifos(path.join(directory, 'fifos'), 1_000)
  const files = makeFiles(path.join(directory, 'hundred'), 100)
  const stdio = startStdio([...fifos, ...files], 1)
  const hung = fifos.map((one) => ({ id: `hung ${one}`, path: one, probes: ['mount', 'read'] as const }))
  const supervised = startSupervised(
    [
      ...hung.map(({ probes, ...one }) => ({ ...one, probes: [...probes] })),
      ...asPaths(files, ['mount', 'read']),
    ],
    1,
    { isCounted: (id) => !id.startsWith('hung ') },
  )
  try {
    await delay(HANGS_WARM_MS)
    const targets = [
      ['holdfast check', stdio],
      ['supervised', supervised],
    ] as const
    const before = targets.map(([, target]) => usageOf(target.pid))
    for (const [, target] of targets) target.takeLateness()
    await delay(TICKS_WITH_HANGS * 1_000)
    return targets.flatMap(([name, target], index) => {
      const after = usageOf(target.pid)
      const metric = (what: string) => `1,000 hung + 100 healthy, ${what}, ${name}`
      const grown = after.residentMiB - (before[index]?.residentMiB ?? 0)
      return [
        plain(metric('lateness p99'), quantile(target.takeLateness(), 0.99), 'ms', { atMost: 50 }),
        plain(metric('threads'), after.threads, '', { atMost: 3_000 }),
        plain(metric(`memory grown over ${TICKS_WITH_HANGS} ticks`), grown, 'MiB', { atMost: 10 }),
        plain(metric('memory'), after.residentMiB, 'MiB'),
      ]
    })
  } finally {
    for (const { child } of [stdio, supervised]) child.kill('SIGKILL')
  }
}

async function measureMany(directory: string): Promise<Row[]> {
  const files = makeFiles(path.join(directory, 'many'), 10_000)
  const stdio = startStdio(files, 10)
  const cost = await costOf(stdio.child, stdio.pid, counter(stdio), { warmMs: 15_000, windowMs: 10_000 })
  const late = stdio.takeLateness()
  return [
    plain('10,000 healthy at 10 s, CPU a check', cost.microseconds, 'µs'),
    plain('10,000 healthy at 10 s, lateness median', quantile(late, 0.5), 'ms'),
    plain('10,000 healthy at 10 s, lateness p99', quantile(late, 0.99), 'ms'),
    plain('10,000 healthy at 10 s, memory', cost.residentMiB, 'MiB'),
  ]
}

/** CPU time for each check in a window, and the memory at its end; ends the process. */
async function costOf(
  child: ChildProcess,
  pid: number,
  checksSince: () => number,
  { warmMs, windowMs } = { warmMs: WARM_MS, windowMs: WINDOW_MS },
): Promise<{ microseconds: number; residentMiB: number }> {
  try {
    await delay(warmMs)
    const before = usageOf(pid)
    checksSince()
    await delay(windowMs)
    const after = usageOf(pid)
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

function asPaths(files: string[], probes: readonly ('mount' | 'read' | 'write')[]) {
  return files.map((one) => ({ id: one, path: one, probes: [...probes] }))
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
