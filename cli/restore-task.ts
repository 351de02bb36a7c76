import path from 'node:path'
import type { LibraryTask } from '../core/restore/task.ts'
import type { Task } from '../core/store/task.ts'
import { Problem } from '../core/words/problem.ts'
import { dataDirectoryOf } from './data-directory.ts'
import { librarySettings, readKey } from './library-settings.ts'

export interface RestoreOptions {
  from?: string
  to?: string
  computer?: string
  identityFile?: string
  data?: string
  sender?: string
  source?: string
  path?: string
  at?: number
  version?: string
  oldNames: boolean
  list: boolean
  overwrite: boolean
  json: boolean
  patience: number
}

/** @throws Problem where the words do not say what is wanted. */
export async function taskOf(
  what: string | undefined,
  directory: string | undefined,
  options: RestoreOptions,
): Promise<Task | LibraryTask> {
  const { from, sender, source, path: file } = options
  if (from === undefined) return storeTaskOf(what, directory, options)
  if ([directory, sender, source, file].some((one) => one !== undefined))
    throw new Problem('restore.storeGiven')
  return libraryTaskOf(from, what, options)
}

function storeTaskOf(
  store: string | undefined,
  directory: string | undefined,
  options: RestoreOptions,
): Task {
  const { sender = null, source = null, path: file = null, at = null, version = null, oldNames } = options
  if (options.identityFile !== undefined || options.computer !== undefined)
    throw new Problem('restore.fromWanted')
  if (store === undefined || options.to !== undefined) throw new Problem('restore.storeWanted')
  const wanted = { sender, source, path: file, at, version, oldNames }
  const root = path.resolve(store)
  if (options.list) return { does: 'list', store: root, wanted }
  if (directory === undefined) throw new Problem('store.restoreWhere')
  const to = path.resolve(directory)
  return { does: 'restore', store: root, destination: to, wanted, overwrite: options.overwrite }
}

async function libraryTaskOf(
  destination: string,
  what: string | undefined,
  options: RestoreOptions,
): Promise<LibraryTask> {
  const { at = null, version = null, list, to, overwrite } = options
  const key = options.identityFile === undefined ? null : readKey(options.identityFile)
  const { computer } = options
  const given = { key, ...(computer === undefined ? {} : { computer }) }
  const from = await librarySettings(dataDirectoryOf(options), destination, given)
  const [folder = '', ...parts] = (what ?? '').replace(/\/+$/, '').split('/')
  const file = parts.join('/')
  if (version !== null && file === '') throw new Problem('store.restoreVersion')
  const choice = { folder: folder === '' ? null : folder, path: file === '' ? null : file, version, at }
  if (list) return { does: 'list', from, choice }
  const directory = path.resolve(to ?? newDirectory(new Date()))
  return { does: 'restore', from, choice, destination: directory, overwrite }
}

/** Never where the files came from: those that are there are not to be touched unasked. */
const newDirectory = (now: Date): string =>
  `holdfast-restore-${now.toISOString().replace(/[-:]|\.\d+Z$/g, '')}`

export const where = (task: Task | LibraryTask): string =>
  'from' in task ? task.from.destination.name : task.store
