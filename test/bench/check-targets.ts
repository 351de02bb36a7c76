import { type ChildProcess, fork, spawn } from 'node:child_process'
import path from 'node:path'
import { workerHeap } from '../../core/agent/workers/starter.ts'
import { checkerDefinition } from '../../core/check/checker-messages.ts'
import type { CheckerConfig } from '../../core/check/scheduler/checker.ts'
import { fromWorkerSchema } from '../../core/lib/workers/definition.ts'

const project = path.resolve(import.meta.dirname, '../..')

/** A running checker, and how late each of its checks of these paths was. */
export interface Target {
  child: ChildProcess
  pid: number
  checks(): number
  /** Milliseconds from each check's place in the timetable to its event; those since the last call. */
  takeLateness(): number[]
}

export function startBareLoop(directory: string, does: 'read' | 'write' = 'read'): ChildProcess {
  return spawn(process.execPath, [path.join(import.meta.dirname, 'bare-checks.ts'), directory, does], {
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

/** `holdfast check`, timed where a parent program reads its events. */
export function startStdio(paths: string[], intervalSeconds: number): Target {
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
export function startSupervised(paths: CheckerConfig['paths'], intervalSeconds: number): Target {
  const timetables = createTimetables(intervalSeconds * 1000)
  const known = new Set<string>()
  const child = fork(path.join(project, 'cli/workers/checker.ts'), {
    env: { ...process.env, UV_THREADPOOL_SIZE: '576' },
    execArgv: [...workerHeap('checker')],
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  const config: CheckerConfig = {
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
