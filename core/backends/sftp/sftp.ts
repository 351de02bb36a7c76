import { formatAddress } from '../../lib/i18n/formats.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { SftpDestination } from '../../settings/destination-schema.ts'
import type { DestinationTest } from '../backend-messages.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { openObjects, type ReachedStore, testObjects } from '../objects/objects.ts'
import type { OpenOptions, Tested, TryOptions } from '../open.ts'
import { connectSftp } from './connect.ts'
import { openSftpStore } from './sftp-store.ts'

type SftpOptions = Omit<OpenOptions, 'status' | 'storeThread'> & { destination: SftpDestination }

/**
 * Logs in to the server and opens its files as a store.
 * @throws UserError if only a person can help; StoreFault.
 */
export async function reachSftp(
  destination: Omit<SftpDestination, 'id'>,
  secrets: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ReachedStore> {
  const connection = await connectSftp(destination, secrets, signal)
  try {
    const store = await openSftpStore(connection, destination)
    return { store, localAddress: connection.localAddress, isToItself: connection.isToItself }
  } catch (error) {
    connection.client.destroy()
    throw error
  }
}

export function openSftp(options: SftpOptions, events: DestinationEvents): OpenDestination {
  const { destination, secrets } = options
  const reach = (signal: AbortSignal) => reachSftp(destination, secrets, signal)
  const address = formatAddress(destination.host, destination.port)
  return openObjects(options, { address, reach }, events)
}

/** Tests a server. If its key is not known yet, the test only fetches the key, without a login. */
export function testSftp(destination: Tested<'sftp'>, options: TryOptions): Promise<DestinationTest> {
  return testObjects(
    destination,
    {
      address: formatAddress(destination.host, destination.port),
      async reach(folder, found) {
        try {
          const reached = await reachSftp({ ...destination, folder }, options.secrets, options.signal)
          found.hostKey = destination.hostKey
          return reached
        } catch (error) {
          const shown = error instanceof UserError ? error.sentence.params.found : undefined
          if (typeof shown === 'string') found.hostKey = shown
          // A test of new settings must not claim that the key has changed: no earlier key was seen.
          if (options.stage !== 'kept' && error instanceof UserError)
            if (error.sentence.key === 'transfer.sftp.otherHostKey')
              throw new UserError('transfer.sftp.wrongHostKey', error.sentence.params)
          throw error
        }
      },
    },
    options,
  )
}
