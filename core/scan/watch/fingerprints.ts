import { hash } from 'node:crypto'
import type { FileFacts } from '../tree/facts.ts'

/**
 * Which files, with which content, a look has found. It keeps 53 bits of a digest for each, so that a tree of a
 * million files takes some tens of megabytes. Two files of a million share them once in some 20,000 looks, and
 * then a change waits for the comparison with the ledger.
 */
export class Fingerprints {
  readonly #known = new Set<number>()

  add(file: FileFacts): void {
    this.#known.add(fingerprint(file))
  }

  has(file: FileFacts): boolean {
    return this.#known.has(fingerprint(file))
  }
}

function fingerprint({ path, size, mtimeNs, ctimeNs, inode, device }: FileFacts): number {
  const digest = hash('md5', `${path}\0${size}\0${mtimeNs}\0${ctimeNs}\0${inode}\0${device}`, 'buffer')
  return digest.readUIntBE(0, 6) * 32 + (digest.readUInt8(6) & 31)
}
