import { expect, test } from 'vitest'
import { newRound, openDirectories } from '../../../core/receive/placement/directories.ts'
import { openHome } from '../../../core/receive/placement/store-disk.ts'
import { heldBytes } from '../../support/held-bytes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const MIB = 1024 * 1024

test('a round with deep files remembers little of the way to each', async () => {
  const root = temporaryDirectory('directories')
  const directories = openDirectories(root, openHome(root))
  const round = newRound()
  const displace = async () => undefined
  const before = heldBytes()
  for (let file = 0; file < 20; file += 1) {
    const way = ['pc', `${file}`, ...Array.from({ length: 250 }, (_, depth) => `directory-${depth}`)]
    expect(await directories.inside(way, round, displace, async () => true)).toBe(true)
  }
  expect(heldBytes() - before).toBeLessThan(6 * MIB)
  directories.close(round)
})
