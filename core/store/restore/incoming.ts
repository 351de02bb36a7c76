import type { FileFacts } from '../../files/facts.ts'
import type { FileRow } from '../manifest/rows.ts'
import { readDigest } from '../verify/read-digest.ts'

/** A content cannot be read where it comes from: nothing is said of where it should go. */
export class NotReadable extends Error {
  override readonly name = 'NotReadable'
}

/** Gets a piece, and where in the content it is. */
export type Take = (piece: Buffer, position: number) => Promise<void> | void

/** A content that is to be restored, wherever it comes from. */
export interface Incoming {
  facts: FileFacts
  /** Of what was stored; null: nobody knows, and only its size tells whether it is whole. */
  digest: Buffer | null
  /**
   * Hands over the content piece by piece, in order, and tells what it was. No more than a little beyond its size. A
   * piece's memory is used again once `take` is done with it.
   * @throws NotAFile, NotReadable, or what the system says.
   */
  read(take: Take): Promise<{ digest: Buffer; size: number }>
}

/** @param fd of the content in a store; the caller closes it. */
export const incomingFrom = ({ facts, digest }: FileRow, fd: number): Incoming => ({
  facts,
  digest,
  read: (take) => readDigest(fd, take),
})
