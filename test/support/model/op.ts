/** What a program may do to the disk. Paths begin with "in/" (the source) or "out/" (outside of it). */
export type Op =
  | { op: 'create' | 'append' | 'rewrite'; path: string; handle: number }
  | { op: 'write' | 'close'; handle: number; large?: boolean }
  | { op: 'put' | 'replace' | 'truncate' | 'unlink' | 'mkdir' | 'rmtree' | 'swap' | 'parse'; path: string }
  | { op: 'rename' | 'link'; path: string; to: string }
  | { op: 'chmod'; path: string; bit: boolean }
  /** Nothing is done until everything that is finished has arrived. */
  | { op: 'settle' }

/** The bytes that an operation writes, or the size that it leaves: the rest of an operation is in its words. */
export interface Effect {
  text: string
  size: number
}

export const nothing: Effect = { text: '', size: 0 }
