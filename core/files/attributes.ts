import { native } from './native.ts'

/** A file's extended attributes by its open descriptor; null: it has none, or this system keeps none. */
export const attributesOf = (fd: number): Record<string, Buffer> | null =>
  process.platform === 'linux' ? (native?.attributesOf(fd) ?? null) : null
