import path from 'node:path'
import { openKnownMounts } from '../../core/agent/parts/checks/known-mounts.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { findNameFault } from '../../core/protocol/names.ts'
import type { Choice } from '../../core/restore/choose.ts'
import type { ToRestore } from '../../core/restore/restore.ts'
import type { Task } from '../../core/restore/task.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { isVersionName } from '../../core/store/retention/retention.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { settingsNow } from '../ask/settings-change.ts'
import { localTime } from '../terminal/moment.ts'
import { librarySettings, readKey, sourceNamed, storeSettings } from './library-settings.ts'

export interface RestoreOptions {
  from?: string
  to?: string
  computer?: string
  identityFile?: string
  manifest?: string
  data?: string
  sender?: string
  source?: string
  path?: string
  at?: number
  version?: string
  oldNames: boolean
  inPlace: boolean
  missingOnly: boolean
  keepBoth: boolean
  list: boolean
  computers: boolean
  overwrite: boolean
  json: boolean
  patience: number
}

/** Builds the task from the command line. @throws UserError if the options are incomplete or contradict each other. */
export async function buildRestoreTask(
  what: string | undefined,
  directory: string | undefined,
  options: RestoreOptions,
): Promise<Task> {
  const { from, sender, source, path: file } = options
  if (from === undefined) return buildStoreTask(what, directory, options)
  if ([directory, sender, source, file].some((one) => one !== undefined))
    throw new UserError('restore.storeGiven')
  return buildLibraryTask(from, what, options)
}

async function buildStoreTask(
  store: string | undefined,
  directory: string | undefined,
  options: RestoreOptions,
): Promise<Task> {
  const { identityFile, computer, computers, inPlace } = options
  if (identityFile !== undefined || computer !== undefined || computers || inPlace)
    throw new UserError('restore.fromWanted')
  if (store === undefined || options.to !== undefined) throw new UserError('restore.storeWanted')
  const choice = storeChoice(options)
  const from = await storeSettings(resolveDataDirectory(options), store)
  if (options.list) return { does: 'list', from, choice }
  if (directory === undefined) throw new UserError('store.restoreWhere')
  return {
    does: 'restore',
    from,
    ...chooseManifest(options, choice),
    wanted: [{ choice, destination: path.resolve(directory), ...howToWrite(options) }],
  }
}

/** Returns the manifest to compare with; its paths are those of one source. @throws UserError fixity.nameSource */
function chooseManifest(
  { manifest, sender, from, source }: RestoreOptions,
  { folder }: Choice,
): { manifest?: string } {
  if (manifest === undefined) return {}
  if (folder === null || (from === undefined && sender !== undefined && source === undefined))
    throw new UserError('fixity.nameSource')
  return { manifest: path.resolve(manifest) }
}

const howToWrite = ({
  overwrite,
  keepBoth,
  missingOnly,
}: RestoreOptions): Pick<ToRestore, 'conflict' | 'missingOnly'> => ({
  conflict: overwrite ? 'replace' : keepBoth ? 'keepBoth' : 'leave',
  missingOnly,
})

/** @throws UserError if a name could lead out of the store, or the options contradict each other. */
export function storeChoice(
  options: Pick<RestoreOptions, 'sender' | 'source' | 'path' | 'at' | 'version' | 'oldNames'>,
): Choice {
  const { sender = null, source = null, at = null, version = null, oldNames } = options
  const file = options.path?.replace(/\/+$/, '') ?? null
  const parts = [sender, source, file]
  const first = parts.indexOf(null)
  if (first !== -1 && parts.slice(first).some((part) => part !== null))
    throw new UserError('store.restoreWhat')
  if (version !== null && file === null) throw new UserError('store.restoreVersion')
  if (version !== null && !isVersionName(version)) throw new UserError('store.versionName', { version })
  for (const part of parts)
    if (part !== null && findNameFault(part) !== null)
      throw new UserError('store.pathInvalid', { path: part })
  const folder = sender === null ? null : source === null ? sender : `${sender}/${source}`
  return { folder, path: file, version, at, oldNames }
}

async function buildLibraryTask(
  destination: string,
  what: string | undefined,
  options: RestoreOptions,
): Promise<Task> {
  const { at = null, version = null, list, computers, to, inPlace } = options
  if (inPlace && options.computer !== undefined) throw new UserError('cli.restore.inPlaceOfOther')
  const key = options.identityFile === undefined ? null : readKey(options.identityFile)
  const { computer } = options
  const given = { key, ...(computer === undefined ? {} : { computer }) }
  const from = await librarySettings(resolveDataDirectory(options), destination, given)
  if (computers) return { does: 'computers', from }
  const [folder = '', ...parts] = (what ?? '').replace(/\/+$/, '').split('/')
  const file = parts.join('/')
  if (version !== null && file === '') throw new UserError('store.restoreVersion')
  const choice: Choice = {
    ...{ folder: folder === '' ? null : folder, path: file === '' ? null : file, version, at },
    // Names given here apply to this computer's folders alone.
    ...(computer === undefined ? await sourceNamed(resolveDataDirectory(options), folder) : {}),
  }
  if (list) return { does: 'list', from, choice }
  const how = howToWrite(options)
  const { ledger } = getDataLayout(resolveDataDirectory(options))
  const checked = chooseManifest(options, choice)
  if (inPlace)
    return {
      does: 'putBack',
      from,
      ledger,
      choice,
      ...checked,
      ...(await readSources(resolveDataDirectory(options))),
      ...how,
    }
  const directory = path.resolve(to ?? newDirectory(new Date()))
  return { does: 'restore', from, ledger, ...checked, wanted: [{ choice, destination: directory, ...how }] }
}

/** Returns the directories of the sources, and the mount points of their disks as far as they are known, by id. */
async function readSources(dataDirectory: string) {
  const known = openKnownMounts(dataDirectory, true).knownMounts()
  const { sources } = await settingsNow(dataDirectory)
  return {
    sources: Object.fromEntries(sources.map(({ id, path: root }) => [id, root])),
    points: Object.fromEntries(sources.flatMap(({ id }) => (known[id] ? [[id, known[id].mount.point]] : []))),
  }
}

/** Returns a new directory's name: files are never restored to their origin unless the user asks for it. */
const newDirectory = (now: Date): string =>
  `holdfast-restore-${localTime(now.getTime()).slice(0, 19).replace(/[-:]/g, '')}`

/** Returns the store's path or the destination's name, for messages. */
export const where = ({ from }: Task): string => ('store' in from ? from.store : from.destination.name)
