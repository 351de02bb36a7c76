import { expect, test } from 'vitest'
import type { QueuedFile } from '../../../core/ledger/ledger.ts'
import { createPathLocks } from '../../../core/send/queue/queue.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'

const NAMES = ['a', 'b', 'c']

const isBeside = (one: string, other: string) =>
  one !== other && !one.startsWith(`${other}/`) && !other.startsWith(`${one}/`)

test('path locks: random paths are refused if and only if a path above, below or at them is locked', () => {
  const random = createRandom(newSeed('path locks'))
  const below = (most: number) => Math.floor(random() * most)
  let id = 0
  const newFile = () => {
    id += 1
    const path = Array.from({ length: 1 + below(4) }, () => NAMES[below(NAMES.length)]).join('/')
    return { id, source: `s${below(2)}`, path } as QueuedFile
  }
  for (let run = 0; run < 300; run += 1) {
    const locks = createPathLocks()
    const held: QueuedFile[] = []
    for (let step = 0; step < 60; step += 1) {
      if (random() < 0.6 || held.length === 0) {
        const files = Array.from({ length: 1 + below(4) }, newFile)
        for (const file of files) {
          const mayGo = held.every((one) => one.source !== file.source || isBeside(one.path, file.path))
          expect([file, locks.lock(file)]).toEqual([file, mayGo])
          if (mayGo) held.push(file)
        }
      } else {
        const [over] = held.splice(below(held.length), 1)
        if (over !== undefined) locks.unlock(over)
      }
    }
  }
})
