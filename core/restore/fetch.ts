import { mkdir, open, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { COLD, NotReadable } from '../backends/errors.ts'
import { type Library, readAll } from '../backends/library.ts'
import { ignoreError } from '../dropped-errors.ts'
import { digestText } from '../platform/digest.ts'
import type { FileMetadata } from '../platform/file-metadata.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import { encodeMetadata } from '../protocol/metadata-codec.ts'
import { openAhead, toQuestion } from './choose.ts'
import { toFetchedNames } from './restore-messages.ts'

/** A file to fetch from a destination, with the content that the ledger records. */
export interface ToFetch {
  /** The source's id. */
  source: string
  path: string
  size: number
  /** In hexadecimal digits. */
  digest: string
}

/** Space that fetching leaves free: the data directory also has the ledger and the settings. */
const RESERVE_BYTES = 256 * 1024 * 1024
/** The fault of a file for which the directory has too little space. */
const NO_ROOM = 'ENOSPC_HERE'

/** Metadata as JSON: attributes as base64. */
const factsText = (facts: FileMetadata): string =>
  JSON.stringify(encodeMetadata(facts), (_, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value,
  )

/**
 * Fetches files of a destination into a new directory, each whole and with the recorded digest, or not at all.
 * A file for which there is too little space is not requested.
 * @returns why files are not there, by their place in the list: an error name, or `damaged`.
 * @throws UserError if the destination is no longer reachable.
 */
export async function fetchFiles(
  library: Library,
  files: readonly ToFetch[],
  directory: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Map<number, string>> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { bavail, bsize } = await statfs(directory)
  const room = bavail * bsize - RESERVE_BYTES
  const faults = new Map<number, string>()
  for await (const opened of openAhead(library, findContents(library, files, room, faults))) {
    if (signal.aborted) break
    const { index, file } = opened
    const names = toFetchedNames(index)
    const target = path.join(directory, names.content)
    try {
      if ('fault' in opened) throw new NotReadable(opened.fault)
      const isIt = await writeContent(target, opened.incoming, file, onBytes, signal)
      if (isIt) await writeFile(path.join(directory, names.facts), factsText(opened.content.facts))
      else {
        await rm(target)
        faults.set(index, 'damaged')
      }
    } catch (error) {
      await rm(target, { force: true })
      // The other files can still be fetched, unless the destination is gone.
      if (!(error instanceof NotReadable) && errorCode(error) === null) throw error
      const fault = toFault(error)
      faults.set(index, fault)
      // The healing is repeated until it can be read.
      if (fault === COLD) await library.thaw?.(opened.content).catch(ignoreError('the fault is shown'))
    }
  }
  return faults
}

function toFault(error: unknown): string {
  if (error instanceof NotReadable) return error.message
  return errorCode(error) === 'ENOSPC' ? NO_ROOM : errorText(error)
}

/** Writes a content to a new file; false: it is not the recorded one. */
async function writeContent(
  target: string,
  incoming: Parameters<typeof readAll>[0],
  { size, digest }: ToFetch,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const handle = await open(target, 'w', 0o600)
  try {
    const read = await readAll(incoming, async (piece, position) => {
      if (signal.aborted) throw new NotReadable('stopped')
      for (let done = 0; done < piece.length; )
        done += (await handle.write(piece, done, piece.length - done, position + done)).bytesWritten
      onBytes(piece.length)
    })
    return read.size === size && digestText(read.digest) === digest
  } finally {
    await handle.close()
  }
}

/**
 * Looks each file up by its name, because only then the destination reports its metadata.
 * @param room for all files together, in bytes
 */
async function* findContents(
  library: Library,
  files: readonly ToFetch[],
  room: number,
  faults: Map<number, string>,
) {
  let left = room
  const folders = new Map((await library.folders()).map(({ name, source }) => [source, name]))
  for (const [index, file] of files.entries()) {
    // A source that is unknown at the destination has no files there.
    const folder = folders.get(file.source) ?? file.source
    const choice = { folder, path: file.path, version: null, at: null }
    const { contents } = await library.contents({ ...toQuestion(choice), after: null })
    const content = contents.find((one) => one.folder === folder && one.path === file.path)
    if (content === undefined) faults.set(index, 'ENOENT')
    else if (content.facts.size > left) faults.set(index, NO_ROOM)
    else {
      left -= content.facts.size
      yield { index, file, content, to: [], base: null, directories: [] }
    }
  }
}
