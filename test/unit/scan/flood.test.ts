import { expect, test } from 'vitest'
import { Fingerprints } from '../../../core/scan/watch/fingerprints.ts'
import { Flood } from '../../../core/scan/watch/flood.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('many events in one turn of the event loop are a flood, the same number over several turns is none', async () => {
  const flood = new Flood(10)
  let floods = 0
  const end = flood.onFlood(() => {
    floods += 1
  })
  for (let index = 0; index < 10; index += 1) {
    flood.event()
    if (index % 3 === 2) await turn()
  }
  await turn()
  expect(floods).toBe(0)
  for (let index = 0; index < 12; index += 1) flood.event()
  await turn()
  expect(floods).toBe(1)
  end()
  for (let index = 0; index < 12; index += 1) flood.event()
  await turn()
  expect(floods).toBe(1)
})

test('a fingerprint tells path, size, times, inode and device apart', () => {
  const file = { path: 'a', size: 1, mtimeNs: 5n, ctimeNs: 5n, inode: 7n, device: 9n, mode: 0o100644 }
  const known = new Fingerprints()
  known.add(file)
  expect(known.has({ ...file, mode: 0o100664 })).toBe(true)
  for (const change of [
    ...[{ path: 'b' }, { size: 2 }, { mtimeNs: 6n }],
    ...[{ ctimeNs: 6n }, { inode: 8n }, { device: 1n }],
  ]) {
    expect(known.has({ ...file, ...change })).toBe(false)
  }
})
