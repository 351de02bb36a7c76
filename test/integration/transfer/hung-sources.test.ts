import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount, mountHung } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  listFoundFiles,
  makeHome,
  offerAll,
  senderConfig,
  startPair,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const HUNG = 20
const HUNG_AT_BUCKET = 8
const FILES_OF_HUNG = 3

describe.skipIf(!canMount)('sources on hung disks (needs root: mounts)', () => {
  test('twenty hung sources with files of every size do not stop a healthy source', async () => {
    const { home, sender, config } = await startPair(temporaryDirectory('hung'))
    const points: string[] = []
    while (points.length < HUNG) points.push((await mountHung(onTestFinished)).point)
    const hung = points.map((point, index) => ({
      id: `hung-${index}`,
      path: point,
      name: `hung-${index}`,
      groupWriteMark: true,
      paused: false,
    }))
    const sizes = [...Array<number>(30).fill(200_000), 1e9, 1e9, 1e9]
    const lost = hung.flatMap(({ id }) =>
      sizes.map((size, index) => ({
        source: id,
        path: `file-${index}`,
        size,
        mtimeNs: BigInt(index + 1),
        ctimeNs: BigInt(index + 1),
        inode: BigInt(index + 1),
        device: 1n,
      })),
    )
    offerAll(home, lost)
    sender.configure({ ...config, sources: [...hung, ...config.sources] })
    await until('the hung ones are under way', () => (sender.report()?.transfers.length ?? 0) >= 20)
    for (let index = 0; index < 300; index += 1)
      writeFile(home.source, `d/${index}`, Buffer.alloc(100_000, 1))
    writeFile(home.source, 'large', Buffer.alloc(20_000_000, 2))
    offerAll(home, listFoundFiles(home.source))
    sender.nudge()
    await allSent(sender, 301, 40_000)
  })

  describe('and a bucket', () => {
    const kind = s3Kind('ceph')
    beforeAll(() => kind.start?.())
    afterAll(() => kind.stop?.())

    test('large files that hang in their middle do not hold the memory for parts of a bucket', async () => {
      const fuse = await mountFuse(onTestFinished)
      await fuse.set({ does: 'withhold', behind: 1_048_576 })
      const home = await makeHome(temporaryDirectory('hung'))
      const place = await kind.open(home)
      const files = Array.from({ length: FILES_OF_HUNG }, (_, index) => {
        const { size, mtimeNs, ctimeNs, ino, dev } = fs.lstatSync(fuse.large(index), { bigint: true })
        return { path: `large-${index}`, size: Number(size), mtimeNs, ctimeNs, inode: ino, device: dev }
      })
      // More files than uploads at a time, and these are more than parts in memory.
      const ids = Array.from({ length: HUNG_AT_BUCKET }, (_, index) => `hung-${index}`)
      offerAll(
        home,
        ids.flatMap((source) => files.map((file) => ({ source, ...file }))),
      )
      const config = senderConfig(home, { port: 0, fingerprint: '' })
      const point = path.dirname(fuse.file)
      const hung = ids.map((id) => ({ id, path: point, name: id, groupWriteMark: false, paused: false }))
      const destination = { ...place.settings(), id: DESTINATION }
      const sender = startTestSender()
      // No signal ends a call that waits for the file system.
      onTestFinished(() => fuse.kill())
      sender.configure({
        ...config,
        destination,
        secrets: place.secrets,
        sources: [...hung, ...config.sources],
      })
      await fuse.untilWithheld()
      await until('more hang than there are parts in memory', () => {
        const { transfers = [] } = sender.report() ?? {}
        return transfers.length > 8
      })
      for (const index of Array(20).keys()) writeFile(home.source, `d/${index}`, Buffer.alloc(100_000, 1))
      for (const index of Array(3).keys())
        writeFile(home.source, `large-${index}`, Buffer.alloc(20_000_000, 2))
      offerAll(home, listFoundFiles(home.source))
      sender.nudge()
      await allSent(sender, 23, 120_000)
      for (const id of ids) expect(sender.report()?.totals[id]?.sentFiles).toBe(0)
    })
  })
})
