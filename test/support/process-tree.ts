import { readdirSync, readFileSync } from 'node:fs'
import { errorCode } from '../../core/platform/system-error.ts'

/** What a process and its children have used so far, and hold now. */
export interface Usage {
  cpuMicroseconds: number
  threads: number
  /** Proportional set size: what the machine has less memory because of them. */
  residentMiB: number
}

export function measureUsage(pid: number): Usage {
  const processes = [...usageByProcess(pid).values()]
  const sum = (measure: (one: Usage) => number) => processes.reduce((total, one) => total + measure(one), 0)
  return {
    cpuMicroseconds: sum((one) => one.cpuMicroseconds),
    threads: sum((one) => one.threads),
    residentMiB: sum((one) => one.residentMiB),
  }
}

/** The same of each process by its id, with a name for people. */
export function usageByProcess(pid: number): Map<number, Usage & { name: string }> {
  return new Map(
    withChildren(pid).map((one) => {
      const usage = {
        cpuMicroseconds: readCpu(one),
        threads: listTasks(one).length,
        residentMiB: readResident(one),
      }
      return [one, { ...usage, name: readName(one) }]
    }),
  )
}

/** Chromium's processes say what they are in their arguments. */
function readName(pid: number): string {
  const words = readIfAlive(`/proc/${pid}/cmdline`).split(/[\0 ]/)
  const kinds = words.flatMap((word) => /^--(?:type|utility-sub-type)=(.+)/.exec(word)?.[1] ?? [])
  return `${kinds.join(' ') || 'main'} ${pid}`
}

function withChildren(pid: number): number[] {
  const children = listTasks(pid).flatMap((task) =>
    readIfAlive(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(withChildren)]
}

function listTasks(pid: number): string[] {
  return ifAlive(() => readdirSync(`/proc/${pid}/task`), [])
}

const readIfAlive = (file: string): string => ifAlive(() => readFileSync(file, 'utf8'), '')

/** Returns `ended` for a process or thread that has ended since it was listed. */
function ifAlive<T>(read: () => T, ended: T): T {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errorCode(error) ?? '')) return ended
    throw error
  }
}

/** The first number of schedstat is the time on a processor in nanoseconds. */
function readCpu(pid: number): number {
  return listTasks(pid).reduce((total, task) => {
    const nanoseconds = readIfAlive(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]
    return total + Number(nanoseconds) / 1000
  }, 0)
}

function readResident(pid: number): number {
  const rollup = readIfAlive(`/proc/${pid}/smaps_rollup`)
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024
}

/** The largest resident set that a process has had so far (VmHWM of proc(5)). */
export function peakMiB(pid: number | null): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024
}
