import { createHash } from 'node:crypto'
import type { FileFacts } from '../file-facts.ts'

const digestOf = (...parts: (string | number)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

/** `<digest of the place>-<digest of what tells this content from another of the same place>` */
export const PARTIAL_NAME = /^([0-9a-f]{32})-[0-9a-f]{32}$/

/** By this a place has one partial file at most. */
export const placeOf = (folder: string, rest: string) => `${folder}/${digestOf(rest)}`

export const nameOf = ({ source, path: file, size, mtimeMs }: FileFacts, identity: string) =>
  `${digestOf(`${source}/${file}`)}-${digestOf(size, mtimeMs, identity)}`
