import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ignoreError } from '../dropped-errors.ts'

// Limits of this process that the system sets: threads and descriptors; and what a process uses. Read from files that the kernel answers from
// memory (proc_pid_limits(5), cgroups(7)). Linux only.

/** A limit on processes and threads together. */
export interface ThreadLimit {
  /** Processes and threads that may exist. */
  most: number
  /** Those that exist now, in this process and in others that count. */
  used: number
  /** The limit of a control group, as of a container or a service (cgroup); or of the user (user: `ulimit -u`). */
  of: 'cgroup' | 'user'
}

/** A limit of the user from this on is not looked at: no computer with it lacks threads. */
const ENOUGH_THREADS = 16_384
/** Capabilities that lift the limit of the user (capabilities(7)): CAP_SYS_ADMIN and CAP_SYS_RESOURCE. */
const LIFTING = (1n << 21n) | (1n << 24n)
/** The place of the controller's files in version 2 and in version 1. */
const HIERARCHIES = { '0::': '/sys/fs/cgroup', pids: '/sys/fs/cgroup/pids' }

/** Returns the limit that leaves the fewest threads; null: there is none that matters. */
export function readThreadLimit(): ThreadLimit | null {
  if (process.platform !== 'linux') return null
  const limits = [readUserLimit(), ...readGroupLimits()].filter((one) => one !== null)
  limits.sort((a, b) => a.most - a.used - (b.most - b.used))
  return limits[0] ?? null
}

/** Returns the number of descriptors that this process may have; null: unknown. */
export const readDescriptorLimit = (): number | null => readLimit('Max open files')

/**
 * Returns the processor time of a process' main thread in ticks of the system, which grows while it works, and stays
 * while it is stopped or blocked; null: unknown. See proc_pid_stat(5).
 */
export function readMainThreadTime(pid: number): number | null {
  // The name, which may contain anything, ends with the last parenthesis.
  const [, after] = /^.*\) (.*)/s.exec(readText(`/proc/${pid}/task/${pid}/stat`)) ?? []
  if (after === undefined) return null
  const [user, system] = after.split(' ').slice(11, 13).map(Number)
  return (user ?? 0) + (system ?? 0)
}

function readLimit(name: string): number | null {
  const limits = readText('/proc/self/limits')
  const [, soft] = new RegExp(`^${name} +(\\d+|unlimited)`, 'm').exec(limits) ?? []
  return soft === undefined || soft === 'unlimited' ? null : Number(soft)
}

function readUserLimit(): ThreadLimit | null {
  const most = readLimit('Max processes')
  if (most === null || most >= ENOUGH_THREADS) return null
  const own = readText('/proc/self/status')
  if ((BigInt(`0x${findWord(own, 'CapEff') || '0'}`) & LIFTING) !== 0n) return null
  const user = findWord(own, 'Uid')
  let used = 0
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const status = readText(`/proc/${name}/status`)
    if (findWord(status, 'Uid') === user) used += Number(findWord(status, 'Threads'))
  }
  return { most, used, of: 'user' }
}

/** Returns the limits of this process' control group and of those around it. */
function readGroupLimits(): (ThreadLimit | null)[] {
  return readText('/proc/self/cgroup')
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', group = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
      const root = controllers === 'pids' ? HIERARCHIES.pids : HIERARCHIES['0::']
      if (controllers !== '' && controllers !== 'pids') return []
      const limits: (ThreadLimit | null)[] = []
      // A container may see its own group as the root, under the name that it has outside.
      for (let at = group; ; at = path.posix.dirname(at)) {
        limits.push(readGroupLimit(path.posix.join(root, at)))
        if (at === '/' || at === '.') return limits
      }
    })
}

function readGroupLimit(group: string): ThreadLimit | null {
  const [most, used] = ['pids.max', 'pids.current'].map((file) =>
    Number.parseInt(readText(`${group}/${file}`), 10),
  )
  if (most === undefined || used === undefined || Number.isNaN(most) || Number.isNaN(used)) return null
  return { most, used, of: 'cgroup' }
}

const findWord = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? ''

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return ignoreError('a system without this file has no such limit', '')(error)
  }
}
