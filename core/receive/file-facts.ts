/** What a sender says about a file. */
export interface FileFacts {
  /** The sender's folder in the store. */
  folder: string
  /** The source's name and the path below it, both as the sender gave them: not trusted. */
  source: string
  path: string
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  /** Permission bits. */
  mode: number
  /** When it came, as a number of its own (arrivals.ts); left out: no other connection can bring the same file. */
  arrival?: number | undefined
}
