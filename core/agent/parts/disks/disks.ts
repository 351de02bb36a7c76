import type { DiskFacts } from '../../../check/checker-messages.ts'
import { type DiskFinding, findDiskFindings, getDiskHealth } from '../../../check/health/disk-health.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { getNamesById } from '../../state/derived.ts'
import type { AppState, SourceState } from '../../state/schema.ts'

// Describes the health of disks and the safety of their folders; pure, and also used by the window.

type Known = Pick<AppState, 'sources' | 'checkedPaths' | 'destinations' | 'settings'>

/** Returns the disks, arrays and pools that a source, a checked path or a destination is on. */
export function findDisksBelow({ disks }: Pick<AppState, 'disks'>, id: string): DiskFacts[] {
  return disks.all.filter(({ folders }) => folders.includes(id))
}

/** Names a disk as it is printed on it: "WDC WD40EFRX …4711, sda". */
export function nameDevice({ model, serial, name, kind }: DiskFacts): string {
  if (kind !== 'disk') return `${model} ${name}`
  const label = [model, serial === null ? null : `…${serial}`].filter((one) => one !== null).join(' ')
  return label === '' ? name : `${label}, ${name}`
}

/** Returns a finding in a few words: "12 pending sectors". */
export function describeFinding({ kind, value }: DiskFinding): Message {
  return message(`disk.finding.${kind}`, { count: value })
}

/** Returns the health of a disk in one line: its findings, or why it is unknown, or "OK". */
export function describeDiskHealth(facts: DiskFacts, { acceptedDisks }: AppState['settings']): Message[] {
  const rebuilding = facts.isRebuilding ? [message('disk.rebuilding')] : []
  const findings = findDiskFindings(facts, acceptedDisks)
  if (findings.length > 0) return [...findings.map(describeFinding), ...rebuilding]
  if (getDiskHealth(facts, acceptedDisks) === 'ok') return [message('disk.ok'), ...rebuilding]
  return [explainUnknown(facts)]
}

/** Returns why the health of a disk is unknown, or why it is not the present one. */
export function explainUnknown({ kind, smart, reason, name }: DiskFacts): Message {
  if (kind !== 'disk') return message('disk.unknown.pool', { name, reason: reason ?? '' })
  const result = smart === null || smart === 'read' ? 'failed' : smart
  return message(`disk.unknown.${result}`, { name, reason: reason ?? '' })
}

/** Returns the command that makes the health readable; null: none does. */
export function getHealthCommand({ smart }: DiskFacts): string | null {
  if (smart === 'no-program') return 'sudo apt install smartmontools'
  return smart === 'not-permitted' ? PERMIT : null
}

/**
 * Lets members of the group disk, who may read and write the disks anyway, run smartctl with its two capabilities, see
 * capabilities(7).
 */
const PERMIT = [
  'sudo dpkg-statoverride --update --add root disk 0750 /usr/sbin/smartctl',
  'sudo setcap cap_sys_rawio,cap_sys_admin+ep /usr/sbin/smartctl',
  'sudo usermod -aG disk "$USER"',
].join('\n')

export interface DiskTrouble {
  sentence: Message
  headline: Message
  names: string
}

/**
 * Returns the findings about a disk with the folders on it and their safety; null: there are none.
 */
export function describeDiskTrouble(state: Known, facts: DiskFacts): DiskTrouble | null {
  const [first, ...others] = findDiskFindings(facts, state.settings.acceptedDisks)
  if (first === undefined) return null
  const of = nameFolders(state, facts)
  const safe = describeSafety(state, facts)
  const key = others.length > 0 ? 'condition.diskFindings' : 'condition.diskFinding'
  return {
    sentence: message(key, {
      ...safe.params,
      ...{ of, device: nameDevice(facts), disk: `disk.name.${facts.kind}` },
      ...{ finding: `disk.finding.${first.kind}`, value: first.value, count: others.length },
      ...{ safe: safe.key, waiting: Number(safe.params.count ?? 0) },
    }),
    headline: message('status.diskHealth', { name: of }),
    names: of,
  }
}

function nameFolders({ sources, checkedPaths, destinations }: Known, { folders, name }: DiskFacts): string {
  const names: Record<string, string> = {
    ...Object.fromEntries(checkedPaths.map(({ id, path }) => [id, path])),
    ...getNamesById({ sources: sources.map(({ settings }) => settings), destinations }),
  }
  const [first = name, ...others] = folders.flatMap((id) => names[id] ?? [])
  return others.length > 0 ? `${first} (+${others.length})` : first
}

/** Returns where the files of a disk's sources are safe besides this disk, and how many wait for it. */
export function describeSafety(
  { sources: all, destinations }: Pick<AppState, 'sources' | 'destinations'>,
  facts: DiskFacts,
): Message {
  // A disk may have thousands of checked paths.
  const folders = new Set(facts.folders)
  const sources = all.filter(({ settings }) => folders.has(settings.id))
  const count = sources.length
  if (count === 0) {
    const hasCopies = destinations.some(({ id }) => folders.has(id))
    return message(hasCopies ? 'disk.safe.copies' : 'disk.safe.nothing')
  }
  // Copies on this disk are lost with it, and the folder in the data directory may be on it.
  const safe = destinations.filter(({ id, kind }) => kind !== 'embedded' && !folders.has(id))
  const mine = sources.map((source) =>
    safe.filter(({ id }) => source.destinations.some((one) => one.id === id)),
  )
  const without = mine.filter((some) => some.length === 0).length
  if (without > 0) return message('disk.safe.nowhere', { count: without, folders: count })
  const places = sources.flatMap((source, index) => getPlaces(source, mine[index] ?? []))
  const names = [...new Set(mine.flat().map(({ name }) => name))].join(', ')
  if (places.some(({ reported }) => reported !== true))
    return message('disk.safe.uncounted', { destinations: names, folders: count })
  const waiting = sources.reduce((sum, source, index) => sum + countWaiting(source, mine[index] ?? []), 0)
  const params = { folders: count, destinations: names }
  return waiting === 0
    ? message('disk.safe.all', { ...params, count })
    : message('disk.safe.waiting', { ...params, count: waiting })
}

const getPlaces = ({ destinations }: SourceState, safe: readonly { id: string }[]) =>
  destinations.filter(({ id }) => safe.some((one) => one.id === id))

/** Counts the files of a source that at least one of these destinations does not have yet, also given-up ones. */
const countWaiting = (source: SourceState, safe: readonly { id: string }[]): number =>
  Math.max(0, ...getPlaces(source, safe).map(({ totals }) => totals.waitingFiles + totals.parkedFiles))
