import { Problem } from '../../../words/problem.ts'
import type { DestinationTest } from '../../messages.ts'
import { tryObjects } from '../objects/try.ts'
import type { Tested, TryOptions } from '../try.ts'
import { addressOf, OtherHostKey } from './connect.ts'
import { reachSftp } from './sftp.ts'

/** A server whose key is not known yet is not logged in to: its key is found. */
export function trySftp(destination: Tested<'sftp'>, options: TryOptions): Promise<DestinationTest> {
  return tryObjects(
    destination,
    {
      address: addressOf(destination),
      async reach(folder, found) {
        try {
          const reached = await reachSftp({ ...destination, folder }, options.secrets, options.signal)
          found.hostKey = destination.hostKey
          return reached
        } catch (thrown) {
          if (thrown instanceof Problem && thrown.cause instanceof OtherHostKey)
            found.hostKey = thrown.cause.found
          throw thrown
        }
      },
    },
    options,
  )
}
