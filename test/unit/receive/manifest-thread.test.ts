import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openManifest } from '../../../core/receive/manifest/manifest.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A thread that ends at the first news of the journal, the first time; the next one takes everything in. */
function fragile(flag: string): URL {
  const script = `
    import { parentPort } from 'node:worker_threads'
    import { existsSync, writeFileSync } from 'node:fs'
    const flag = ${JSON.stringify(flag)}
    parentPort.on('message', (message) => {
      if (message.type === 'stop') process.exit(0)
      if (message.type === 'grown' && !existsSync(flag)) {
        writeFileSync(flag, '')
        process.exit(3)
      }
      if (message.type === 'grown')
        parentPort.postMessage({ type: 'settled', number: message.number,
          totals: [{ folder: 'pc', files: 7, bytes: 70 }] })
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`)
}

test('a manifest thread that ends is followed by another one, which takes in what came meanwhile', async () => {
  const root = temporaryDirectory('manifest')
  const flag = path.join(root, 'ended')
  const told: string[] = []
  const manifest = openManifest(fragile(flag), storeLayout(root), (text) => void told.push(text))
  onTestFinished(() => manifest.close())
  const note = {
    did: 'placed' as const,
    folder: 'pc',
    path: 's/f',
    size: 10,
    mtimeMs: 1,
    mode: 0o644,
    digest: '0'.repeat(64),
    storedAt: 1,
    again: false,
  }
  await manifest.record([note])
  await until('the thread ended', () => existsSync(flag) && told.length > 0)
  expect(told).toEqual([expect.stringContaining('cannot be kept up')])
  await until('another one has taken it in', () => manifest.usage('pc').files === 7)
  expect(told).toHaveLength(1)
})
