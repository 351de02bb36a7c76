import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { listFoundFiles, offerAll, startPair, type TestSender } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Sent in chunks. */
const BYTES = 2 * 1024 * 1024
const LIMIT = 256
const SOURCES = 150
const LONG_MS = 120_000

/** Starts a sender that may have few descriptors, and notes the most that it has. */
async function startFew() {
  const pair = await startPair(temporaryDirectory('descriptors'))
  const { pid } = pair.sender.process
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${LIMIT}:${LIMIT}`])
  return { ...pair, pid }
}

/** Waits until all files are sent; returns the most descriptors that the sender had. */
async function untilSent(sender: TestSender, pid: number | undefined, files: number): Promise<number> {
  let most = 0
  await until(
    'all is sent',
    () => {
      most = Math.max(most, fs.readdirSync(`/proc/${pid}/fd`).length)
      const totals = Object.values(sender.report()?.totals ?? {})
      return totals.reduce((sum, { sentFiles }) => sum + sentFiles, 0) === files
    },
    LONG_MS,
  )
  return most
}

describe.skipIf(process.platform !== 'linux')('descriptors of the sender (needs Linux)', () => {
  test(`a sender with ${LIMIT} descriptors sends the large files of ${SOURCES} sources`, {
    timeout: LONG_MS * 2,
  }, async () => {
    const { home, sender, pid, config } = await startFew()
    const sources = Array.from({ length: SOURCES }, (_, index) => {
      const [id, root] = [`s${index}`, path.join(home.source, `s${index}`)]
      fs.mkdirSync(root)
      // Sparse files: their zeros cost nothing on the line.
      for (const name of ['a', 'b']) {
        fs.writeFileSync(path.join(root, name), '')
        fs.truncateSync(path.join(root, name), BYTES + index)
      }
      return { id, path: root, name: id, groupWriteMark: false, paused: false }
    })
    offerAll(
      home,
      sources.flatMap(({ id, path: root }) => listFoundFiles(root, id)),
    )
    sender.configure({ ...config, sources })
    const most = await untilSent(sender, pid, SOURCES * 2)
    expect(sender.log.filter((line) => /EMFILE|ENFILE/.test(line))).toEqual([])
    expect(most).toBeLessThan(LIMIT)
  })
})
