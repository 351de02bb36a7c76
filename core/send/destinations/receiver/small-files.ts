import type { SmallFile } from '../../../protocol/entries.ts'
import { encodeMetadata } from '../../../protocol/facts.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { SmallEvents, SmallOutgoing } from '../destination.ts'
import { toAnswer } from '../store-answers.ts'
import type { ReceiverSessionParts } from './upload.ts'

/** See Session.sendSmall: the files form one frame. */
export async function sendSmallFiles(
  parts: ReceiverSessionParts,
  files: readonly SmallOutgoing[],
  directories: readonly FoundDirectory[],
  events: SmallEvents,
): Promise<void> {
  const { channel, filesCredit, bytesCredit, smallTurn, pace, isClosed } = parts
  const bytes = files.reduce((total, { facts }) => total + facts.size, 0)
  const hasCredit = (await filesCredit.acquire(files.length)) && (await bytesCredit.acquire(bytes))
  /** Returns true, after releasing the credit, if a pause has cancelled the files. */
  const isHeldBack = (): boolean => {
    if (events.onTurn()) return false
    filesCredit.release(files.length)
    bytesCredit.release(bytes)
    return true
  }
  // However many groups wait, chunks of large files get their turns between them.
  await smallTurn.acquire()
  // Cancelled files take no rate: those behind them would have to wait for it.
  if (hasCredit && !isClosed() && isHeldBack()) return smallTurn.release()
  const isOpen = hasCredit && (await pace.take(bytes))
  await channel.room()
  // The session may have closed meanwhile.
  if (!isOpen || isClosed()) for (const index of files.keys()) events.onAnswer(index, { kind: 'lost' })
  else if (!isHeldBack()) send(parts, files, directories, events)
  smallTurn.release()
}

function send(
  { channel, receiver, pending, told }: ReceiverSessionParts,
  files: readonly SmallOutgoing[],
  directories: readonly FoundDirectory[],
  { onUsed, onAnswer }: SmallEvents,
): void {
  const [one] = files
  if (one === undefined) return
  const { source } = one
  const number = told.getSourceNumber(source)
  // Kept until the answers, unlike the contents.
  const names = files.map(({ path, facts: { size } }) => ({ source, path, size }))
  const first = pending.files(files.length, (index, said) => {
    const name = names[index]
    const isLost = said === null || name === undefined
    onAnswer(index, isLost ? { kind: 'lost' } : toAnswer(said, receiver, name))
  })
  const header = {
    files: files.map(({ path, facts, digest }, index): SmallFile => {
      return [(first + index) >>> 0, number, path, facts.size, encodeMetadata(facts), digest]
    }),
    directories: told.news(source, directories),
  }
  const whole = together(files)
  channel.send('batch', header, whole === null ? files.map(({ bytes }) => bytes) : [whole], onUsed)
}

/** Joins contents that are adjacent in one buffer, as readers place them; null: they are not. */
function together(files: readonly SmallOutgoing[]): Uint8Array | null {
  const [first] = files
  if (first === undefined) return null
  const { buffer, byteOffset } = first.bytes
  let end = byteOffset
  for (const { bytes } of files) {
    if (bytes.buffer !== buffer || bytes.byteOffset !== end) return null
    end += bytes.length
  }
  return new Uint8Array(buffer, byteOffset, end - byteOffset)
}
