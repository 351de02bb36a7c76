import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { parsePast } from '../../../core/lib/moment.ts'

export type Computer = CommandOutput<'restoreComputers'>['computers'][number]
export type Folder = CommandOutput<'restoreFolders'>['folders'][number]
export type Entry = CommandOutput<'restoreList'>['entries'][number]
export type LocalState = Entry['local']
export type Found = CommandOutput<'restoreSearch'>['files'][number]
export type Day = NonNullable<CommandOutput<'restoreChanges'>['days']>[number]
export type Count = Day['hours'][number]
export type Version = CommandOutput<'restoreVersions'>['versions'][number]

/** A place at a destination to browse or restore. */
export interface Spot {
  /** null for all folders. */
  folder: string | null
  /** Path within the folder, separated by "/"; '' for the folder itself. */
  path: string
}

export const TOP: Spot = { folder: null, path: '' }

/** True if contents can be read only with an age identity. */
export function isEncryptedAt(
  { id }: Pick<DestinationState, 'id'>,
  computer: Computer | null,
  { destinations }: Pick<AppState['settings'], 'destinations'>,
): boolean {
  const known = destinations.find((one) => one.id === id)
  return computer?.isEncrypted ?? (known !== undefined && 'recipient' in known && known.recipient !== null)
}

/** Returns a computer's display name, with its folder at the destination. */
export const formatComputer = ({ folder, name }: Computer): string =>
  name === null || name === folder ? folder : `${name} (${folder})`

/** A step of the path to a spot. */
export interface Crumb extends Spot {
  name: string
}

/** Returns the path to a spot, without the root. */
export function buildCrumbs({ folder, path }: Spot): Crumb[] {
  if (folder === null) return []
  const names = path === '' ? [] : path.split('/')
  const below = names.map((name, index) => ({ name, folder, path: names.slice(0, index + 1).join('/') }))
  return [{ name: folder, folder, path: '' }, ...below]
}

/** Returns the spot of a directory's entry. */
export function getEntrySpot({ folder, path }: Spot, name: string): Spot {
  if (folder === null) return { folder: name, path: '' }
  return { folder, path: path === '' ? name : `${path}/${name}` }
}

/** Returns the path of a file below a directory of this computer, with the separator that the directory has. */
export function joinPath(directory: string, below: string): string {
  if (below === '') return directory
  const separator = directory.includes('\\') && !directory.includes('/') ? '\\' : '/'
  const front = directory.replace(/[/\\]+$/, '')
  return front + separator + below.split('/').join(separator)
}

/** Returns the path of a file that is restored beside another one, as write-files.ts names it, without the time. */
export function besidePath(path: string): string {
  const extension = /(?<=[^/\\])\.[^./\\]*$/.exec(path)?.[0] ?? ''
  return `${path.slice(0, path.length - extension.length)} (restored …)${extension}`
}

/** Parses a typed moment, also in full-width characters, to milliseconds since 1970; null if empty. */
export function readMoment(typed: string): number | null | 'invalid' {
  const text = typed.normalize('NFKC').trim()
  return text === '' ? null : (parsePast(text, Date.now()) ?? 'invalid')
}

const MINUTE_MS = 60_000

/** Returns the first minute that begins after all changes of a period. */
export const toMomentAfter = ({ lastAt }: Pick<Count, 'lastAt'>): number =>
  (Math.floor(lastAt / MINUTE_MS) + 1) * MINUTE_MS

/** True if the state at a time has changes of this period, and none of a later one. */
export const isStateOf = ({ start, end }: Pick<Count, 'start' | 'end'>, at: number | null): boolean =>
  at !== null && start < at && at <= end

/** Returns a whole minute as `readMoment` takes it, with the zone's offset where the clock shows this time twice. */
export function typeMoment(at: number): string {
  const offset = -new Date(at).getTimezoneOffset()
  const text = new Date(at + offset * MINUTE_MS).toISOString().slice(0, 16).replace('T', ' ')
  if (readMoment(text) === at) return text
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
  return `${text}${offset < 0 ? '-' : '+'}${[hours, minutes].map((part) => String(part).padStart(2, '0')).join(':')}`
}
