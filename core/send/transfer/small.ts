import type { QueuedFile } from '../../ledger/ledger.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { Session } from '../destinations/destination.ts'
import type { Content, FileRead, FoundDirectory } from '../reading/group.ts'
import { createJudge } from './classify-read-error.ts'
import { asAttempt, failedBy, type SendAttempt, type SourceParts } from './contract.ts'
import { askForCopy, type CopySource, findCopySources, mayHaveContent } from './copy.ts'

/** Memory that a file costs besides its bytes. */
const FILE_COST = 2048

/** Receives the result of one file. */
export type Done = (due: QueuedFile, attempt: SendAttempt) => void

/** Returns the room that files take in the window. */
const getCost = (dues: readonly QueuedFile[]): number =>
  dues.reduce((sum, { size }) => sum + size + FILE_COST, 0)

type Ready = { due: QueuedFile; content: Content }

/** The destination of files, and the callback for their results. */
interface Sending {
  session: Session
  /** Contents that can be copied there, by the file's id. */
  from: ReadonlyMap<number, CopySource>
  done: Done
}

/** Frees the memory of files that were read together: they share one buffer. */
const giveBack = (contents: readonly Content[]) => {
  if (contents[0] !== undefined) batchBuffers.give(contents[0].bytes)
}

/** Sends files that were read. Releases their room in the window once the connection has taken their bytes. */
function putOnLine(
  { source, shared, window, mayGoOn }: SourceParts,
  ready: readonly Ready[],
  directories: readonly FoundDirectory[],
  { session, done }: Sending,
  onUsed: () => void,
): Promise<void> {
  // Only these values stay until the answers: the contents are freed earlier.
  const sent = ready.map(({ due, content: { digest, bytes } }) => ({ due, digest, size: bytes.length }))
  let held = getCost(sent.map(({ due }) => due))
  const letGo = () => {
    window.release(held)
    held = 0
  }
  let unanswered = sent.length
  const files = ready.map(({ due, content: { bytes, digest, facts } }) => {
    return { source, path: due.path, facts, bytes, digest }
  })
  return session.sendSmall(files, directories, {
    onTurn() {
      if (mayGoOn()) return true
      letGo()
      onUsed()
      for (const { due } of sent) done(due, { kind: 'halted' })
      return false
    },
    onUsed() {
      letGo()
      onUsed()
      for (const { due, size } of sent) shared.onBytes(due, size)
    },
    onAnswer(index, answer) {
      unanswered -= 1
      if (unanswered === 0 && held > 0) letGo()
      const file = sent[index]
      if (file !== undefined) done(file.due, asAttempt(answer, file.digest))
    },
  })
}

/** Waits for room in the window, held until the bytes are sent; returns false, without room, if stopped. */
async function admit({ window, mayGoOn }: SourceParts, dues: readonly QueuedFile[]): Promise<boolean> {
  const cost = getCost(dues)
  await window.acquire(cost)
  if (mayGoOn()) return true
  window.release(cost)
  return false
}

/** Copies the content at the destination; if the destination no longer has it, reads and sends the file again. */
async function copy(
  parts: SourceParts,
  { due, content: { facts, digest } }: Ready,
  copied: CopySource,
  { session, done }: Sending,
): Promise<void> {
  const attempt = await askForCopy(parts, due, facts, digest, copied, session)
  if (attempt !== null) done(due, attempt)
  else if (await admit(parts, [due])) sendRead(parts, [due], { session, from: new Map(), done })
  else done(due, { kind: 'halted' })
}

async function handleRead(
  parts: SourceParts,
  found: readonly { due: QueuedFile; content: FileRead }[],
  directories: readonly FoundDirectory[],
  sending: Sending,
): Promise<void> {
  const { window, mayGoOn } = parts
  const { from, done } = sending
  const contents = found.flatMap(({ content }) => (content.kind === 'content' ? [content] : []))
  if (!mayGoOn()) {
    window.release(getCost(found.map(({ due }) => due)))
    giveBack(contents)
    for (const { due } of found) done(due, { kind: 'halted' })
    return
  }
  const ready: Ready[] = []
  const judge = createJudge(parts)
  for (const { due, content } of found) {
    const copied = from.get(due.id)
    const isContent = content.kind === 'content'
    if (isContent && (copied === undefined || !mayHaveContent(parts, due, copied, content.digest))) {
      ready.push({ due, content })
      continue
    }
    window.release(getCost([due]))
    const ended = (error: unknown) => done(due, failedBy(error))
    if (!isContent) judge(content, due).then((attempt) => done(due, attempt), ended)
    else if (copied !== undefined) copy(parts, { due, content }, copied, sending).catch(ended)
  }
  if (ready.length === 0) return giveBack(contents)
  await putOnLine(parts, ready, directories, sending, () => giveBack(contents))
}

function sendRead(parts: SourceParts, dues: readonly QueuedFile[], sending: Sending): void {
  const { source, shared } = parts
  const taken = (found: readonly FileRead[], directories: readonly FoundDirectory[]) => {
    const some = dues.flatMap((due, index) => {
      const content = found[index]
      return content === undefined ? [] : [{ due, content }]
    })
    void handleRead(parts, some, directories, sending)
  }
  const files = dues.map((due) => ({ path: due.path, offered: due }))
  shared.read(source.id, { root: source.path, files, take: taken })
}

/** Sends a group of small files: waits for room in the window, then continues in the background. */
export async function sendSmall(
  parts: SourceParts,
  dues: readonly QueuedFile[],
  session: Session,
  done: Done,
): Promise<void> {
  if (await admit(parts, dues))
    sendRead(parts, dues, { session, from: findCopySources(parts, dues, session), done })
  else for (const due of dues) done(due, { kind: 'halted' })
}
