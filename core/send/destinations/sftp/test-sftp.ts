import { formatAddress } from '../../../lib/i18n/address.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import type { DestinationTest } from '../../sender-messages.ts'
import { testObjects } from '../objects/test-objects.ts'
import type { Tested, TryOptions } from '../test-destination.ts'
import { reachSftp } from './sftp.ts'

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
