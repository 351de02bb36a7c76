import type { CommandOutput } from '../../../core/agent/contract.ts'

export type Computer = CommandOutput<'restoreComputers'>['computers'][number]
export type Folder = CommandOutput<'restoreFolders'>['folders'][number]
export type Entry = CommandOutput<'restoreList'>['entries'][number]
export type Found = CommandOutput<'restoreSearch'>['files'][number]
export type Version = CommandOutput<'restoreVersions'>['versions'][number]

/** What of a destination is looked at, or is to be restored. */
export interface Spot {
  /** null: all folders. */
  folder: string | null
  /** Of a folder, with "/"; '' is the folder itself. */
  path: string
}

export const TOP: Spot = { folder: null, path: '' }

/** A computer as people know it, with its folder at the destination. */
export const nameOf = ({ folder, name }: Computer): string =>
  name === null || name === folder ? folder : `${name} (${folder})`

/** One step of the way down to a spot: what it is called, and where it leads. */
export interface Crumb extends Spot {
  name: string
}

/** The way down to a spot, without the top. */
export function crumbsOf({ folder, path }: Spot): Crumb[] {
  if (folder === null) return []
  const names = path === '' ? [] : path.split('/')
  const below = names.map((name, index) => ({ name, folder, path: names.slice(0, index + 1).join('/') }))
  return [{ name: folder, folder, path: '' }, ...below]
}

/** What lies in a directory, by its name. */
export function within({ folder, path }: Spot, name: string): Spot {
  if (folder === null) return { folder: name, path: '' }
  return { folder, path: path === '' ? name : `${path}/${name}` }
}

/** Milliseconds since 1970 of what a field for a date and a time gives, in this computer's time zone; null: nothing. */
export function readMoment(typed: string): number | null | 'invalid' {
  if (typed.trim() === '') return null
  const at = new Date(typed.trim()).getTime()
  return Number.isNaN(at) ? 'invalid' : at
}
