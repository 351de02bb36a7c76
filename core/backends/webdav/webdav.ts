import { message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { findProxyProblem } from '../../lib/network/tunnel.ts'
import { errorCode } from '../../platform/system-error.ts'
import { asBackendError } from '../errors.ts'
import { explainCertificate, isOnThisComputer } from '../objects/https.ts'

import type { ObjectKind, ReachedStore } from '../objects/objects.ts'
import type { Tested } from '../options.ts'
import { MOVE_REFUSED, NO_PROPERTIES } from './client.ts'
import type { WebdavTarget } from './webdav-store.ts'

/**
 * Opens a directory of a WebDAV server as a store, after checking that it is there.
 * @throws UserError if only a person can help; BackendError.
 */
async function reachWebdav(
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
    const isToItself = await isOnThisComputer(url)
    return { store, localAddress: null, isToItself }
  } catch (error) {
    store.close()
    throw await explained(error, target)
  }
}

export const webdavKind = (destination: Tested<'webdav'>): ObjectKind => ({
  address: new URL(destination.url).host,
  reach: (folder, secrets, signal) => reachWebdav({ ...destination, folder }, secrets, signal),
  explain: (error) => explained(error, destination),
})

/** Returns an error with a remedy, if more is known than the error itself shows. */
async function explained(
  thrown: unknown,
  { name, url }: Pick<WebdavTarget, 'name' | 'url'>,
): Promise<unknown> {
  if (thrown instanceof UserError || findProxyProblem(thrown) !== null) return thrown
  const { reason, cause } = asBackendError(thrown)
  const at = { name, address: new URL(url).host, reason }
  const code = errorCode(cause) ?? ''
  const sentence =
    (await explainCertificate(cause, url, at)) ??
    (code === 'EPROTO' || code.startsWith('ERR_SSL_') ? message('webdav.noTls', at) : null) ??
    (reason === NO_PROPERTIES ? message('webdav.noProperties', at) : null) ??
    (reason.endsWith(MOVE_REFUSED) ? message('webdav.moveRefused', at) : null)
  return sentence === null ? thrown : new UserError(sentence.key, sentence.params, { cause: thrown })
}
