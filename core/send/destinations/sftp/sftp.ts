import { formatAddress } from '../../../lib/i18n/address.ts'
import type { SftpDestination } from '../../../settings/destination-schema.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { openObjects, type ReachedStore } from '../objects/objects.ts'
import type { OpenOptions } from '../open.ts'
import { connectSftp } from './connect.ts'
import { openSftpStore } from './sftp-store.ts'

export type SftpOptions = Omit<OpenOptions, 'status' | 'storeThread'> & { destination: SftpDestination }

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
