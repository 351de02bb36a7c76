import type { Store } from '../../store/store.ts'
import type { Channel } from '../../wire/channel.ts'

/** Files that were asked for and have not come are asked for again after this. */
const AGAIN_MS = 10 * 60_000

/**
 * Asks a sender to offer files again, whenever the result is called: there may be some. What is asked for already is
 * asked for once more, which changes nothing.
 * @param sourceIn the id of the source in a directory of the sender's folder; null: nobody knows it.
 */
export function openWants(
  channel: Channel,
  store: Pick<Store, 'wanted'>,
  folder: string,
  sourceIn: (directory: string) => string | null,
): () => void {
  let again: NodeJS.Timeout | undefined

  const sendAll = async (): Promise<void> => {
    for (let after = 0; !channel.closed; ) {
      const found = await store.wanted(folder, after)
      const files = found.flatMap(({ directory, path }): [string, string][] => {
        const id = sourceIn(directory)
        return id === null ? [] : [[id, path]]
      })
      await channel.room()
      if (files.length > 0) channel.send('want', { files })
      if (found.length === 0) {
        clearTimeout(again)
        if (after > 0) again = setTimeout(send, AGAIN_MS).unref()
        return
      }
      after += found.length
    }
  }

  // Where the disk does not answer such questions now, the next connection asks anew.
  const send = () => void sendAll().catch(() => undefined)
  return send
}
