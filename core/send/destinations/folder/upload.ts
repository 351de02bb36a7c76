import { outcomeOf } from '../../../store/outcome.ts'
import type { IncomingFile } from '../../../store/store.ts'
import { chunkBuffers } from '../../../wire/frame-buffers.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { Answer, Outgoing, Upload } from '../destination.ts'
import { refusedUpload } from '../destination.ts'
import type { SessionParts } from './session.ts'

const LOST: Answer = { kind: 'lost' }

/** See Session.begin. */
export async function beginUpload(
  parts: SessionParts,
  file: Outgoing,
  directories: readonly FoundDirectory[],
  identity?: string,
): Promise<Upload | null> {
  const { uploads, orLost, signal } = parts
  if (!(await uploads.acquire())) return null
  if (signal.aborted) return null
  try {
    const offered = await parts.offer(file)
    const told = await parts.told(file.source, directories)
    const incoming = parts.store.begin(offered, { identity, directories: told })
    // A file that is refused says so with its first chunk.
    const offset = await orLost(incoming.offset, null)
    return uploadOf(parts, file, incoming, offset ?? 0, identity !== undefined)
  } catch (thrown) {
    // Its source cannot be stored.
    return refusedUpload(parts.answer({ outcome: outcomeOf(thrown), position: 0 }, file), uploads.release)
  }
}

function uploadOf(
  { uploads, bytesOut, pace, orLost, signal, answer }: SessionParts,
  file: Outgoing,
  incoming: IncomingFile,
  offset: number,
  canResume: boolean,
): Upload {
  const mayGo = async (bytes: number): Promise<boolean> => {
    if (incoming.refused !== null || !(await bytesOut.acquire(bytes))) return false
    if ((await pace.take(bytes)) && !signal.aborted && incoming.refused === null) return true
    bytesOut.release(bytes)
    return false
  }
  const ended = (said: Promise<Answer>): Promise<Answer> =>
    orLost(said, LOST).finally(() => uploads.release())
  // A session that ends keeps what can be gone on with.
  const keepPart = () => void incoming.abort(canResume)
  if (signal.aborted) keepPart()
  signal.addEventListener('abort', keepPart)

  return {
    offset,
    async chunk(bytes) {
      if (!(await mayGo(bytes.length))) return false
      void incoming.write(bytes).then(() => {
        chunkBuffers.give(bytes)
        bytesOut.release(bytes.length)
      })
      return true
    },
    async zeros(count) {
      if (!(await mayGo(count))) return false
      void incoming.write(count).then(() => bytesOut.release(count))
      return true
    },
    end(digest) {
      signal.removeEventListener('abort', keepPart)
      // In memory of its own: a thread is told of it.
      return ended(incoming.finish(new Uint8Array(digest)).then((stored) => answer(stored, file)))
    },
    abort(keep) {
      signal.removeEventListener('abort', keepPart)
      const aborted = async (): Promise<Answer> => {
        await incoming.abort(keep && canResume)
        const outcome = incoming.refused ?? { status: 'aborted', detail: '' }
        return answer({ outcome, position: 0 }, file)
      }
      return ended(aborted())
    },
  }
}
