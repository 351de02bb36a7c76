import type { Destination as DestinationSettings } from '../../../core/settings/destination-schema.ts'
import type { Home } from '../transfer/transfer.ts'

/** A file at a destination. */
export interface FileThere {
  bytes: Buffer
  mtimeNs: bigint
  mode: number
}

export type Damage = (bytes: Buffer) => Buffer | null

/** Turns over a bit in the middle. */
export const flipBit: Damage = (bytes) => {
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

/** A place at a destination that one test has for itself; it ends with the test. */
export interface Place {
  /** How the destination is reached by a port of its own, which a relay may be put before; without one: it has none. */
  port?: number
  settings(port?: number): DestinationSettings
  secrets: Record<string, string>
  /** The age identity that opens its contents; left out: they are not encrypted. */
  identity?: string
  /** What it has of a source's file now; null: nothing. */
  file(source: string, path: string): Promise<FileThere | null>
  /** Older contents of a source's file that it has kept, oldest first. */
  older(source: string, path: string): Promise<Buffer[]>
  /**
   * Damages a file that is there, at the destination: its time and properties stay.
   * @param change returns the bytes that it has then, and null to remove it; left out: a bit is turned over.
   */
  damage(source: string, path: string, change?: Damage): Promise<void>
  /** Loses the properties of all files and keeps their contents; without: the kind has no properties. */
  loseProperties?(): Promise<void>
  /** Parts and temporary files that are there. */
  leftOvers(): Promise<string[]>
  /** Leaves room for so many bytes, until the function that it gives is called; only of a place of some megabytes. */
  fill?(leaving: number): () => void
  /** Kills what serves it, which is started again; without: the tests share its server, or nothing serves it. */
  crash?(): Promise<void>
  /** Lets nobody write from now on; without: the kind cannot be made so. */
  makeReadOnly?(): Promise<void>
}

/**
 * A kind of destination as the conformance suite (test/integration/destinations/conformance.test.ts) sees it. To add
 * one: write such an object beside this file, and put it into the suite's table.
 */
export interface TestedKind {
  name: string
  /** Once for all tests. */
  start?(): Promise<void>
  stop?(): Promise<void>
  /**
   * A new place, in a test.
   * @param home whose certificate and folder it is for.
   * @param megabytes how much it has room for; left out: enough.
   */
  open(home: Home, options?: { megabytes?: number }): Promise<Place>
  /** Of a time of modification: what of it is kept. */
  keepsNs(mtimeNs: bigint): bigint
  /** Permission bits that a file there has by itself; a receiver's are in its manifest. */
  keepsMode(mode: number): number
  /** Whether a small place can be had. */
  canBeFull: boolean
  /** Each request has a connection of its own choice: one that was cut is asked again, and the session goes on. */
  asksAgain?: boolean
  /** It is on this computer: there is no connection that can be cut. */
  isLocal?: boolean
  /** It is on a file system whose room it tells. */
  tellsSpace?: boolean
  /** Contents are encrypted, and told here as they were before. */
  isEncrypted?: boolean
  /** Bytes; left out: 255. */
  longestName?: number
  /** Where an interrupted large file goes on. */
  resumes: boolean
}

/** Kinds whose times have whole seconds. */
export const wholeSeconds = (ns: bigint): bigint => (ns / 1_000_000_000n) * 1_000_000_000n
