import type { FileFacts } from '../files/facts.ts'

/** A directory of the store that holds what one source of one sender sends. */
export interface StoreSource {
  /** Its number in the manifest. */
  id: number
  /** The sender's folder. */
  folder: string
  directory: string
}

/** A file as its sender offers it. */
export interface Offered {
  source: StoreSource
  /** As the sender gave it: not trusted. */
  path: string
  facts: FileFacts
  /** The session that it comes by; null: the sender has none, as an original isocket client. */
  session: string | null
}
