import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import type { LibrarySettings } from '../../core/backends/backend-messages.ts'
import type { StoreSettings } from '../../core/backends/open.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import {
  EMBEDDED_DESTINATION,
  embeddedDestination,
  namedDestination,
} from '../../core/settings/destinations.ts'
import { openProxyRoute } from '../../core/settings/proxy.ts'
import { openSecrets } from '../../core/settings/secrets.ts'
import { settingsNow } from '../ask/settings-change.ts'

export interface LibraryOptions {
  computer?: string
  key: string | null
}

/**
 * Returns the settings for reading a destination of a data directory.
 * @throws UserError if there is no such destination, or its secrets cannot be decrypted here.
 */
export async function librarySettings(
  dataDirectory: string,
  name: string,
  { computer, key }: LibraryOptions,
): Promise<LibrarySettings> {
  const { destinations, proxy: proxySettings } = await settingsNow(dataDirectory)
  const layout = getDataLayout(dataDirectory)
  const embedded = embeddedDestination(layout, EMBEDDED_DESTINATION)
  const destination = namedDestination([embedded, ...destinations], name)
  const secrets = openSecrets(dataDirectory, null)
  if (secrets.unreadable().includes(destination.id))
    throw new UserError('restore.sealed', { name: destination.name })
  const proxy = openProxyRoute(proxySettings, secrets)
  return {
    destination,
    ...(proxy === null ? {} : { proxy }),
    secrets: secrets.get()[destination.id] ?? {},
    identityDirectory: layout.identity,
    name: hostname(),
    computer: computer ?? null,
    key,
  }
}

/** Returns the id of the source that has this name now; nothing if there is none. */
export async function sourceNamed(
  dataDirectory: string,
  name: string | undefined,
): Promise<{ source?: string }> {
  const { sources } = await settingsNow(dataDirectory)
  const found = sources.find((one) => one.name === name)
  return found === undefined ? {} : { source: found.id }
}

/** Returns the settings for reading a store; with a destination's name, if its path is a folder destination. */
export async function storeSettings(dataDirectory: string, given: string): Promise<StoreSettings> {
  const store = path.resolve(given)
  const settings = await settingsNow(dataDirectory).catch(
    ignoreError('a store needs no settings to be read', null),
  )
  const known = settings?.destinations.find((one) => one.kind === 'folder' && one.path === store)
  return known === undefined ? { store } : { store, name: known.name }
}

/** Reads an age identity file as age-keygen writes it. @throws UserError if it cannot be read, or has no key. */
export function readKey(file: string): string {
  const key = readText(file)
    .split('\n')
    .find((line) => line.startsWith('AGE-SECRET-KEY-'))
  if (key === undefined) throw new UserError('restore.noKey', { file })
  return key.trim()
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = errorCode(error) ?? String(error)
    throw new UserError('restore.keyUnread', { file, reason }, { cause: error })
  }
}
