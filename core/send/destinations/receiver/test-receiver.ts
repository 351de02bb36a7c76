import { message } from '../../../lib/i18n/message.ts'
import type { DestinationTest } from '../../sender-messages.ts'
import { runConnectionTest } from '../connection-test.ts'
import type { Tested, TryOptions } from '../test-destination.ts'
import { dial } from './dial.ts'
import { toConnectionTrouble } from './trouble.ts'

/**
 * Tests a receiver: dials it, verifies its certificate, and requests access as for a restore. A second session for
 * sending would look like a second computer with this one's certificate.
 */
export function testReceiver(
  destination: Tested<'receiver'>,
  { identity, name: ownName, signal }: TryOptions,
): Promise<DestinationTest> {
  const { name } = destination
  return runConnectionTest({
    name,
    signal,
    async run(step) {
      const hello = { name: ownName, purpose: 'restore', session: null } as const
      const { channel } = await step('connect', () => dial(destination, identity, hello, signal))
      channel.destroy(null)
      return message('test.answers', { name })
    },
    why: (error) => toConnectionTrouble(error, destination, false).problem,
  })
}
