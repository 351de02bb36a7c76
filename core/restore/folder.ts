import path from 'node:path'
import { UserError } from '../lib/i18n/user-error.ts'
import type { StoreLayout } from '../store/layout.ts'
import { createStoreError } from '../store/problems.ts'
import { openStoreReader } from '../store/query/reader.ts'
import type { Library } from './archive-reader.ts'
import { NotReadable, openInParts } from './write/incoming.ts'

/**
 * Opens a store on a disk of this computer for reading, while another process may write to it. Its calls block, so
 * run it in a separate process.
 * @param sender the folder to read; null: all of them, and a source is then named "<sender>/<source>".
 * @param sourceIn returns the source that a directory in the folder belongs to.
 */
export function openStoreLibrary(
  layout: StoreLayout,
  sender: string | null,
  sourceIn: (directory: string) => string | null = () => null,
): Library {
  const reader = openStoreReader(layout)
  const asked = async <T>(look: () => T | Promise<T>): Promise<T> => {
    try {
      return await look()
    } catch (error) {
      throw error instanceof UserError ? error : createStoreError(layout.root, error)
    }
  }
  return {
    place: path.join(layout.root, sender ?? ''),
    folders: () => asked(() => reader.folders({ sender }).map((name) => ({ name, source: sourceIn(name) }))),
    entries: (question) => asked(() => reader.entries({ sender, asked: question })),
    contents: (question) => asked(() => reader.contents({ sender, asked: question })),
    open: (content) =>
      openInParts(content, async ({ folder, path, version }, from, bytes) => {
        const ranges = [{ folder, path, version, from, bytes }]
        const memory = new Uint8Array(bytes)
        const read = await asked(() => reader.ranges({ sender, job: { ranges, memory } }))
        const fault = read.reads[0]?.fault ?? ''
        if (fault !== '') throw new NotReadable(fault)
        return Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.length)
      }),
    close: () => reader.rest(),
  }
}
