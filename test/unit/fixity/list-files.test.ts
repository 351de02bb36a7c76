import { createHash } from 'node:crypto'
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { type LeftOut, listFiles } from '../../../core/fixity/list-files.ts'
import type { DurableFile } from '../../../core/ledger/fixity.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('fixity list: a file without a recorded digest is read, and left out unless it has the content that was sent', async () => {
  const root = temporaryDirectory('fixity')
  const durable = (name: string, sent: string, now = sent): DurableFile => {
    const file = path.join(root, name)
    writeFileSync(file, now)
    utimesSync(file, 1_700_000_000, 1_700_000_000)
    const { mtimeNs } = statSync(file, { bigint: true })
    const digest = computeDigest(Buffer.from(sent))
    return { path: name, size: sent.length, mtimeNs, digest, sha256: null, md5: null, damagedAt: null }
  }
  const files = [
    durable('same', 'content'),
    { ...durable('without', 'content', 'damaged'), digest: null },
    durable('other', 'content', 'damaged'),
    durable('longer', 'content', 'content and more'),
    { ...durable('touched', 'content'), mtimeNs: 1n },
    { ...durable('gone', 'content'), path: 'not there' },
  ]
  const list = async (mayRead: boolean) => {
    const [listed, leftOut]: [string[], LeftOut[]] = [[], []]
    const ledger = { durableFiles: () => files }
    const options = {
      ledger,
      source: { id: 's', path: root },
      destinations: ['d'],
      kind: 'sha256',
      mayRead,
    } as const
    for await (const { path: name, digests } of listFiles(options, (file) => leftOut.push(file)))
      listed.push(`${name} ${digests.sha256}`)
    return { listed, leftOut: leftOut.map((file) => `${file.path} ${file.why}`) }
  }
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  expect(await list(true)).toEqual({
    listed: [`same ${sha256('content')}`, `without ${sha256('damaged')}`],
    leftOut: ['other changed', 'longer changed', 'touched changed', 'not there changed'],
  })
  expect((await list(false)).leftOut.every((line) => line.endsWith(' unrecorded'))).toBe(true)
})
