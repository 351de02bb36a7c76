import { OWN_DIRECTORY } from '../../../store/layout.ts'
import { folderName } from '../../../wire/names.ts'
import { message } from '../../../words/message.ts'
import { Problem, sentenceOf } from '../../../words/problem.ts'
import type { DestinationTest } from '../../messages.ts'
import { troubleOf } from '../objects/faults.ts'
import { tryStore } from '../objects/try-store.ts'
import { trial } from '../trial.ts'
import type { Tested, TryOptions } from '../try.ts'
import { addressOf, connectSftp, OtherHostKey } from './connect.ts'
import { openSftpStore } from './store.ts'

/** A server whose key is not known yet is not logged in to: its key is found. */
export function trySftp(
  destination: Tested<'sftp'>,
  { name: ownName, secrets, signal }: TryOptions,
): Promise<DestinationTest> {
  const { name, path, hostKey } = destination
  const folder = destination.folder ?? folderName(ownName)
  const place = { name, address: addressOf(destination) }
  return trial({
    name,
    signal,
    async run(step, found) {
      const connection = await step('connect', () => connectSftp(destination, secrets, signal)).catch(
        (thrown: unknown) => {
          if (!(thrown instanceof OtherHostKey)) throw thrown
          found.hostKey = thrown.found
          const key = hostKey === '' ? 'transfer.sftp.newHostKey' : 'transfer.sftp.otherHostKey'
          throw new Problem(key, { ...place, found: thrown.found }, { cause: thrown })
        },
      )
      try {
        const store = await openSftpStore(connection, { name, path, folder })
        found.hostKey = hostKey
        found.durable = store.can.durable
        if (!store.can.durable) found.notes.push(message('transfer.objects.notDurable', { name }))
        await tryStore(store, `${folder}/${OWN_DIRECTORY}/`, step, signal)
        return message('test.works', { name })
      } finally {
        connection.client.destroy()
      }
    },
    why: (thrown) =>
      thrown instanceof Problem ? sentenceOf(thrown) : troubleOf(thrown, place, false).problem,
  })
}
