import { message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { WebdavDestination } from '../../settings/destination-schema.ts'
import type { DestinationTest } from '../backend-messages.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { explainCertificate, isOnThisComputer } from '../objects/https.ts'
import { asFault } from '../objects/object-store.ts'
import { openObjects, type ReachedStore, testObjects } from '../objects/objects.ts'
import type { OpenOptions, Tested, TryOptions } from '../open.ts'
import { NO_PROPERTIES } from './client.ts'
import type { WebdavTarget } from './webdav-store.ts'

/**
 * Opens a directory of a WebDAV server as a store, after checking that it is there.
 * @throws UserError if only a person can help; StoreFault.
 */
export async function reachWebdav(
  target: WebdavTarget,
  { password }: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ReachedStore> {
  const { name, url } = target
  if (password === undefined) throw new UserError('transfer.sftp.secretMissing', { name, field: 'password' })
  // Loaded here, so that only processes with a WebDAV destination have it in memory.
  const { WebdavStore } = await import('./webdav-store.ts')
  const store = new WebdavStore(target, password)
  try {
    await store.requireRoot(target, signal)
    return { store, localAddress: null, isToItself: await isOnThisComputer(url) }
  } catch (error) {
    store.close()
    throw await explained(error, target)
  }
}

export function openWebdav(
  options: OpenOptions & { destination: WebdavDestination },
  events: DestinationEvents,
): OpenDestination {
  const { destination, secrets } = options
  const reach = (signal: AbortSignal) => reachWebdav(destination, secrets, signal)
  return openObjects(options, { address: new URL(destination.url).host, reach }, events)
}

export function testWebdav(destination: Tested<'webdav'>, options: TryOptions): Promise<DestinationTest> {
  return testObjects(
    destination,
    {
      address: new URL(destination.url).host,
      reach: (folder, found) =>
        reachWebdav({ ...destination, folder }, options.secrets, options.signal).catch((error: unknown) => {
          const shown = error instanceof UserError ? error.sentence.params.fingerprint : undefined
          if (typeof shown === 'string') found.certificate = shown
          throw error
        }),
      explain: (error) => explained(error, destination),
    },
    options,
  )
}

/** Returns an error with a remedy, if more is known than the fault shows. */
async function explained(
  thrown: unknown,
  { name, url }: Pick<WebdavTarget, 'name' | 'url'>,
): Promise<unknown> {
  if (thrown instanceof UserError) return thrown
  const { reason, cause } = asFault(thrown)
  const at = { name, address: new URL(url).host, reason }
  const code = errorCode(cause) ?? ''
  const sentence =
    (await explainCertificate(cause, url, at)) ??
    (code === 'EPROTO' || code.startsWith('ERR_SSL_') ? message('webdav.noTls', at) : null) ??
    (reason === NO_PROPERTIES ? message('webdav.noProperties', at) : null)
  return sentence === null ? thrown : new UserError(sentence.key, sentence.params, { cause: thrown })
}
