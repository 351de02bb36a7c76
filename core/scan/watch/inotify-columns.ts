import type { FileFacts } from '../tree/facts.ts'

/**
 * Files on their way between threads, column by column: a copy of one string and three arrays, where a copy of as many
 * objects costs more than looking at the files did.
 */
export interface FileColumns {
  /** Joined by NUL, which no path has in it. */
  paths: string
  /** Size and mode of each file. */
  numbers: Float64Array
  /** mtimeNs and ctimeNs of each file. */
  times: BigInt64Array
  /** Inode and device of each file. */
  ids: BigUint64Array
}

export function packFiles(files: readonly FileFacts[]): FileColumns {
  const numbers = new Float64Array(files.length * 2)
  const times = new BigInt64Array(files.length * 2)
  const ids = new BigUint64Array(files.length * 2)
  files.forEach(({ size, mode, mtimeNs, ctimeNs, inode, device }, index) => {
    numbers[index * 2] = size
    numbers[index * 2 + 1] = mode
    times[index * 2] = mtimeNs
    times[index * 2 + 1] = ctimeNs
    ids[index * 2] = inode
    ids[index * 2 + 1] = device
  })
  return { paths: files.map(({ path }) => path).join('\0'), numbers, times, ids }
}

export function unpackFiles({ paths, numbers, times, ids }: FileColumns): FileFacts[] {
  if (times.length === 0) return []
  return paths.split('\0').map((path, index) => ({
    path,
    size: numbers[index * 2] ?? 0,
    mtimeNs: times[index * 2] ?? 0n,
    ctimeNs: times[index * 2 + 1] ?? 0n,
    inode: ids[index * 2] ?? 0n,
    device: ids[index * 2 + 1] ?? 0n,
    mode: numbers[index * 2 + 1] ?? 0,
  }))
}
