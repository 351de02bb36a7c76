import { existsSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { missingAt } from '../../core/agent/accept-path.ts'
import { getOwnPaths } from '../../core/agent/workers/configs.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { readLedger } from '../../core/ledger/ledger.ts'
import { toSentence } from '../../core/lib/i18n/user-error.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { knownFiles } from '../../core/scan/preview/known-files.ts'
import { type ListedPath, listCandidates } from '../../core/scan/preview/list-source.ts'
import { idOfPath, sourceName } from '../../core/settings/changes.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { destinationIds } from '../../core/settings/destinations.ts'
import {
  defaultSettings,
  type Settings,
  type Source,
  type SourceFilters,
  sourceSchema,
} from '../../core/settings/schema.ts'
import { openSettings } from '../../core/settings/settings-store.ts'
import { OwnPlaces } from '../../core/walk/own-places.ts'
import { jsonText } from '../terminal/json.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { plainWords, terminalWords } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { whyWords } from './why-words.ts'

/** Settings of a source that the command line gives. */
export type Given = Partial<Pick<Source, 'kind' | 'oneFileSystem'> & { prefix: string } & SourceFilters>

export interface PrintListOptions {
  /** The path as the user typed it. */
  directory: string
  dataDirectory: string
  given: Given
  json: boolean
  why: boolean
}

/** Prints which files of a directory would be sent; files sent earlier are looked up in the data directory's ledger. */
export async function printList({
  directory,
  dataDirectory,
  given,
  json,
  why,
}: PrintListOptions): Promise<void> {
  const absolute = await directoryAt(path.resolve(directory))
  const settings = readIfItCan(() => readSettings(dataDirectory)) ?? defaultSettings
  const source = sourceAt(settings, absolute, given)
  const layout = getDataLayout(dataDirectory)
  const ledger = readIfItCan(() => readLedger(layout.ledger))
  const { quietSeconds } = settings.scan
  const known = ledger === null ? {} : knownFiles(ledger, destinationIds(settings, source), source.id)
  const own = new OwnPlaces(existsSync(dataDirectory) ? getOwnPaths(settings, layout) : [])
  for await (const listed of listCandidates({ source, quietSeconds, own, ...known })) {
    if (listed.why !== null && !why) continue
    if (!process.stdout.write(`${formatLine(listed, json)}\n`)) {
      await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  }
  ledger?.close()
}

/** Reads something optional of the data directory: an error is printed and the listing continues without it. */
function readIfItCan<T>(read: () => T | null): T | null {
  try {
    return read()
  } catch (error) {
    process.stderr.write(`${terminalWords(toSentence(error))}\n`)
    return null
  }
}

function readSettings(dataDirectory: string): Settings | null {
  return existsSync(dataDirectory) ? openSettings(dataDirectory, 'refuse').get() : null
}

/** Returns the protected source, or the one that `send --once` would use, with the given settings applied. */
function sourceAt({ sources }: Settings, absolute: string, { prefix, ...given }: Given): Source {
  const known = sources.find((one) => one.path === absolute)
  const batch = { ...known?.batch, ...(prefix === undefined ? {} : { prefix }) }
  const unknown = { id: idOfPath(absolute), path: absolute, name: sourceName(absolute) }
  return sourceSchema.parse({ ...(known ?? unknown), ...given, batch })
}

/** Resolves links, as mount points are compared by their real path. The listing reports all other errors. */
async function directoryAt(given: string): Promise<string> {
  const looked = await stat(given).catch(errorCode)
  if (looked === 'ENOENT' || looked === 'ENOTDIR') throw new WrongUsage(missingAt(given), { path: given })
  if (typeof looked === 'object' && looked?.isDirectory() === false)
    throw new WrongUsage('refuse.notDirectory', { path: given })
  return realpath(given).catch(ignoreError('the listing reports a path that does not resolve', given))
}

function formatLine(listed: ListedPath, json: boolean): string {
  const { path: relative, size } = listed
  // JSON is for programs: its language does not depend on the terminal's.
  const why = whyWords(listed, json ? englishWords : plainWords)
  if (json) return jsonText({ path: relative, size, send: why === null, why })
  const name = quoteControls(relative)
  return why === null ? name : `${name}\t${quoteControls(why)}`
}
