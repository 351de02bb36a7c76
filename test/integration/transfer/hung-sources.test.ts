import { describe, onTestFinished, test } from 'vitest'
import { canMount, mountHung } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { allSent, listFoundFiles, offerAll, startPair, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const HUNG = 20

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
    await until('the hung ones are under way', () => (sender.report()?.transfers.length ?? 0) >= 20, 20_000)
    for (let index = 0; index < 300; index += 1)
      writeFile(home.source, `d/${index}`, Buffer.alloc(100_000, 1))
    writeFile(home.source, 'large', Buffer.alloc(20_000_000, 2))
    offerAll(home, listFoundFiles(home.source))
    sender.nudge()
    await allSent(sender, 301, 40_000)
  })
})
