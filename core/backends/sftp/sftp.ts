import { formatAddress } from '../../lib/i18n/formats.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { DestinationOf } from '../../settings/destination-schema.ts'
import { BackendError } from '../errors.ts'

import type { ObjectKind, ReachedStore } from '../objects/objects.ts'
import type { Tested } from '../options.ts'
import { connectSftp } from './connect.ts'
import { openSftpStore } from './sftp-store.ts'
import { NO_SETSTAT } from './upload.ts'

/**
 * Logs in to the server and opens its files as a store.
 * @throws UserError if only a person can help; BackendError.
 */
export async function reachSftp(
  destination: Omit<DestinationOf<'sftp'>, 'id'>,
  secrets: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ReachedStore> {
  const connection = await connectSftp(destination, secrets, signal)
  try {
    const store = await openSftpStore(connection, destination)
    const { localAddress, isToItself } = connection
    return { store, localAddress, isToItself, hostKey: destination.hostKey }
  } catch (error) {
    connection.client.destroy()
    throw error
  }
}

/** A test of a server whose key is not known yet only fetches the key, without a login. */
export const sftpKind = (destination: Tested<'sftp'>): ObjectKind => ({
  address: formatAddress(destination.host, destination.port),
  reach: (folder, secrets, signal) => reachSftp({ ...destination, folder }, secrets, signal),
  async explain(error, _folder, stage) {
    if (error instanceof BackendError && error.reason.startsWith(NO_SETSTAT))
      return new UserError(
        'transfer.sftp.noSetstat',
        { name: destination.name, reason: error.reason },
        { cause: error },
      )
    // A test of new settings must not claim that the key has changed: no earlier key was seen.
    const isOther = error instanceof UserError && error.sentence.key === 'transfer.sftp.otherHostKey'
    return isOther && stage !== 'kept'
      ? new UserError('transfer.sftp.wrongHostKey', error.sentence.params)
      : error
  },
})
