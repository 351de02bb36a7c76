import {
  type AcceptedCounters,
  type DiskCounters,
  type DiskFindingKind,
  diskFindingKinds,
} from '../../settings/disk-counters.ts'
import type { DiskFacts } from '../checker-messages.ts'
import type { Fact } from '../evidence/evidence-messages.ts'

// Evaluates the health that disks, arrays and pools report; pure. The main process, the command line and the window use
// it. `read-disks.ts` reads the facts.

/**
 * Smallest reported value of each counter; a value that a person has accepted is only reported once it is worse.
 * smartctl(8) and the manufacturers' thresholds decide about failing attributes. Counters of damaged sectors and of
 * errors are 0 on a sound disk: the studies of Backblaze (2014) and Google (Pinheiro, 2007) found that disks fail far
 * more often after the first one. 90 % of the endurance leaves time to order another disk. smartctl compares the
 * spare blocks with the disk's own threshold, so each value that is listed is reported.
 */
const REPORTED_FROM: Record<DiskFindingKind, number> = {
  'smart-failed': 1,
  'nvme-warning': 1,
  'missing-disks': 1,
  'not-online': 1,
  'below-threshold': 1,
  pending: 1,
  uncorrectable: 1,
  'media-errors': 1,
  'device-errors': 1,
  mismatch: 1,
  'low-spare': 0,
  worn: 90,
  reallocated: 1,
}

/** Counters that get worse as they fall. */
const FALLING: ReadonlySet<DiskFindingKind> = new Set(['low-spare'])
/** Failures, which can be repaired and cannot be accepted. An array may lack a disk by design. */
const UNACCEPTABLE: ReadonlySet<DiskFindingKind> = new Set(['smart-failed', 'not-online'])

export interface DiskFinding {
  kind: DiskFindingKind
  value: number
}

/** Returns the findings about a disk, gravest first, without those that a person has accepted. */
export function findDiskFindings({ id, counters }: DiskFacts, accepted: AcceptedCounters): DiskFinding[] {
  return diskFindingKinds.flatMap((kind) => {
    const value = counters[kind]
    if (value === undefined || value < REPORTED_FROM[kind]) return []
    const known = UNACCEPTABLE.has(kind) ? undefined : accepted[id]?.[kind]
    return known === undefined || isWorse(kind, value, known) ? [{ kind, value }] : []
  })
}

const isWorse = (kind: DiskFindingKind, value: number, than: number): boolean =>
  FALLING.has(kind) ? value < than : value > than

/**
 * Returns the accepted values after a reading: a value that has improved is accepted only as it is now, so that the next
 * fault is reported. The same object if none has.
 */
export function lowerAccepted(accepted: AcceptedCounters, disks: readonly DiskFacts[]): AcceptedCounters {
  const improved = disks.flatMap(({ id, counters }) => {
    const known = accepted[id] ?? {}
    const better = diskFindingKinds.flatMap((kind) => {
      const [value, limit] = [counters[kind], known[kind]]
      return value !== undefined && limit !== undefined && isWorse(kind, limit, value) ? [[kind, value]] : []
    })
    return better.length === 0 ? [] : [[id, { ...known, ...Object.fromEntries(better) }] as const]
  })
  return improved.length === 0 ? accepted : { ...accepted, ...Object.fromEntries(improved) }
}

/** Returns the values that a person accepts with all present findings; empty: none can be accepted. */
export function listAcceptable(facts: DiskFacts, accepted: AcceptedCounters): DiskCounters {
  const acceptable = findDiskFindings(facts, accepted).filter(({ kind }) => !UNACCEPTABLE.has(kind))
  return Object.fromEntries(acceptable.map(({ kind, value }) => [kind, value]))
}

/** The health in one word. unknown: nothing has reported it, which is never shown as OK. */
export type DiskHealth = 'ok' | 'attention' | 'unknown'

export function getDiskHealth(facts: DiskFacts, accepted: AcceptedCounters): DiskHealth {
  if (findDiskFindings(facts, accepted).length > 0) return 'attention'
  return facts.readAt === null ? 'unknown' : 'ok'
}

/**
 * Returns a reading of the disks, arrays and pools that a path is on, as texts of the system: their values, or why they
 * have no new ones.
 */
export function listReadings(
  { at, all }: { at: number | null; all: readonly DiskFacts[] },
  id: string,
): Fact[] {
  if (at === null) return []
  const time = (ms: number) => new Date(ms).toISOString()
  return all
    .filter(({ folders }) => folders.includes(id))
    .map(({ kind, name, smart, reason, readAt, counters }) => {
      const values = Object.entries(counters).map(([counter, value]) => `${counter} ${value}`)
      const problem = smart === 'read' || (smart === null && reason === null) ? [] : [smart, reason]
      const earlier = problem.length > 0 && readAt !== null ? [`values of ${time(readAt)}`] : []
      const text = [...problem.filter((one) => one !== null), ...earlier, ...values].join(', ')
      return { place: `${kind === 'disk' ? 'smartctl' : kind} ${name} (${time(at)})`, text }
    })
}
