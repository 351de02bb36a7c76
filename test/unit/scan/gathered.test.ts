import { expect, test } from 'vitest'
import { gatherFor } from '../../../core/scan/source/watched.ts'
import type { FileFacts } from '../../../core/scan/tree/facts.ts'
import { until } from '../../support/until.ts'

const file = (path: string): FileFacts => ({
  ...{ path, size: 1, mtimeNs: 1n, ctimeNs: 1n },
  ...{ inode: 1n, device: 1n, mode: 0o644 },
})

test('the first file is offered at once, those that follow closely together, and never more than one transaction takes', async () => {
  const offers: string[][] = []
  const gathered = gatherFor((files) => void offers.push(files.map(({ path }) => path)))
  gathered.add([file('first')])
  expect(offers).toEqual([['first']])
  gathered.add([file('second')])
  gathered.add([file('third')])
  expect(offers).toHaveLength(1)
  await until('the others', () => offers.length === 2)
  expect(offers[1]).toEqual(['second', 'third'])
  for (let index = 0; index < 300; index += 1) gathered.add([file(`${index}`)])
  expect(Math.max(...offers.map(({ length }) => length))).toBeLessThanOrEqual(256)
  gathered.flush()
  expect(offers.flat()).toHaveLength(303)
  gathered.flush()
  expect(offers.every(({ length }) => length > 0)).toBe(true)
})
