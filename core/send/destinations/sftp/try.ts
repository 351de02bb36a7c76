import { message } from '../../../words/message.ts'
import type { DestinationTest } from '../../messages.ts'
import { trial } from '../trial.ts'
import type { Tested, TryOptions } from '../try.ts'

export function trySftp({ name }: Tested<'sftp'>, { signal }: TryOptions): Promise<DestinationTest> {
  return trial({
    name,
    signal,
    run: () => Promise.reject(new Error('not built yet')),
    why: (thrown) => message('problem.other', { reason: String(thrown) }),
  })
}
