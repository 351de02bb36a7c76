import type { BigIntStats, Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { errorCode, isGone } from './system-error.ts'

/** Returns null also if a component of the path is missing, or is a file. */
async function orNull<S>(looked: Promise<S>): Promise<S | null> {
  try {
    return await looked
  } catch (error) {
    if (isGone(errorCode(error))) return null
    throw error
  }
}

/** lstat(2); null: there is no such file. */
export const lstatOrNull = (file: string): Promise<Stats | null> => orNull(lstat(file))

/** Like `lstatOrNull`, with exact numbers. */
export const lstatExactOrNull = (file: string): Promise<BigIntStats | null> =>
  orNull(lstat(file, { bigint: true }))
