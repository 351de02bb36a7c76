import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { allSent, offerAll, startPair, treeOf, writeFile } from '../../support/transfer.ts'

const asRoot = test.skipIf(process.getuid?.() !== 0)

function mountImage(image: string, at: string): void {
  fs.mkdirSync(at)
  execFileSync('mount', ['-o', 'loop', image, at])
  onTestFinished(() => {
    execFileSync('umount', ['-l', at])
  })
}

asRoot(
  'what is sent survives a power failure (needs root): the disk as it is then holds every file',
  async () => {
    const base = temporaryDirectory('durable')
    const image = path.join(base, 'disk.img')
    fs.closeSync(fs.openSync(image, 'w'))
    fs.truncateSync(image, 128 * 1024 * 1024)
    execFileSync('mkfs.ext4', ['-q', image])
    const store = path.join(base, 'store')
    mountImage(image, store)
    const { home, sender, config } = await startPair(base)
    for (let index = 0; index < 200; index += 1)
      writeFile(
        home.source,
        `deep/d${index % 9}/e${index % 4}/file-${index}`,
        `content ${index}`.repeat(index),
      )
    writeFile(home.source, 'large', Buffer.alloc(3 * 1024 * 1024, 5))
    sender.configure(config)
    const files = offerAll(home)
    sender.nudge()
    await allSent(sender, files)

    // What the file system has not written to its disk by now is lost, as when the power fails.
    const copy = path.join(base, 'copy.img')
    fs.copyFileSync(image, copy)
    const recovered = path.join(base, 'recovered')
    mountImage(copy, recovered)
    expect(treeOf(path.join(recovered, 'sender-1', 'data'))).toEqual(treeOf(home.source))
  },
)
