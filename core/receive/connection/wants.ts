import { ignoreError } from '../../dropped-errors.ts'
import type { wantedOf } from '../../store/senders/senders.ts'
import type { FrameChannel } from '../../wire/channel.ts'

/** Files that were asked for and have not come are asked for again after this. */
const AGAIN_MS = 10 * 60_000

/**
 * Asks a sender to offer files again, whenever the result is called: there may be some. What is asked for already is
 * asked for once more, which changes nothing.
 * @param wanted see wantedOf.
 */
export function openWants(channel: FrameChannel, wanted: () => ReturnType<typeof wantedOf>): () => void {
  let again: NodeJS.Timeout | undefined

  const sendAll = async (): Promise<void> => {
    let isAny = false
    for await (const files of wanted()) {
      isAny = true
      await channel.room()
      if (channel.closed) return
      if (files.length > 0) channel.send('want', { files })
    }
    clearTimeout(again)
    if (isAny) again = setTimeout(send, AGAIN_MS).unref()
  }

  // Where the disk does not answer such questions now, the next connection asks anew.
  const send = () => void sendAll().catch(ignoreError('the next connection asks for missing files again'))
  return send
}
