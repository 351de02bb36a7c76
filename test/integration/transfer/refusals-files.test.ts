// Every refusal of a file, each really run: its status, and a sentence at both ends.
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { toTransferResult } from '../../../core/backends/receiver/receiver-session.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import type { Frame, SmallFile } from '../../../core/protocol/frames.ts'
import { fileStatuses } from '../../../core/protocol/limits.ts'
import { canMount, type Mounted, mountTmpfs, remount } from '../../support/faults/mounts.ts'
import { buildFacts, computeDigest } from '../../support/store/file-facts.ts'
import { startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

describe('refused file', () => {
  type Sent = [source: string, path: string, content: Buffer, digest?: Buffer]
  const text = Buffer.from('content')

  /** Sends one small file to a receiver; gives its answer, and what was logged of it. */
  async function answered(
    [source, name, content, digest = computeDigest(content)]: Sent,
    at?: { store: string; rules: object; spoil?: (store: string) => unknown },
  ) {
    const base = temporaryDirectory('refused-file')
    const home = await makeHome(path.join(base, 'home'))
    const store = at?.store ?? path.join(base, 'store')
    const { receiver, log } = await startRuled(store, [home], at?.rules ?? {})
    const frames: Frame[] = []
    const client = connectWire(receiver.port, home.identity, (frame) => frames.push(frame))
    client.send('hello', buildHello())
    await until('it is welcome', () => frames.some(({ type }) => type === 'welcome'))
    client.send('source', { source: 0, id: 'ab', name: source })
    // Its directory is there once a file is.
    client.send('batch', {
      files: [[0, 0, 'first', 0, wireFacts(), computeDigest(Buffer.of())]],
      directories: [],
    })
    await until('the first one is answered', () => frames.some(({ type }) => type === 'result'))
    frames.length = 0
    fs.mkdirSync(path.join(store, 'sender-1', 'data'), { recursive: true })
    fs.symlinkSync(base, path.join(store, 'sender-1', 'data', 'planted'))
    await at?.spoil?.(store)
    const files: SmallFile[] = [[1, 0, name, content.length, wireFacts(), digest]]
    client.send('batch', { files, directories: [] }, [content])
    const [result] = await until(
      'it is answered',
      () => frames.find((frame) => frame.type === 'result')?.header.results,
    )
    const status = fileStatuses[result?.[1] ?? -1]
    if (result === undefined || status === undefined) throw new Error('no status')
    const line = await until('it is in the log', () =>
      log.find((one) => one.includes('not stored: sender-1/')),
    )
    const file = {
      source: { id: 's', name: 's', path: '/data' },
      path: 'x',
      facts: buildFacts(content.length),
    }
    const answer = toTransferResult({ status, detail: result[2] }, 'nas', file)
    const reason = 'reason' in answer ? answer.reason : null
    return { status, line, atSender: reason === null ? '' : englishWords(reason) }
  }

  test.each<[string, Sent, string, string]>([
    ['empty', ['data', 'a//b', text], 'a part of its name is empty', 'a part of its name is empty'],
    ['dots', ['data', '../x', text], 'contains . or ..', 'contains . or ..'],
    ['absolute', ['data', '/etc/x', text], 'is not relative', 'is not relative'],
    ['nul', ['data', 'a\0b', text], 'a NUL character', 'a NUL character'],
    ['long', ['data', 'x'.repeat(256), text], 'name is longer', 'name is longer'],
    ['long', ['data', `${'d/'.repeat(256)}x`, text], 'in more directories', 'in more folders'],
    [
      'symlink',
      ['data', 'planted/x', text],
      'a symbolic link stands in its way',
      'a symbolic link stands in its way',
    ],
  ])('the name fault "%s" (case %#) is reported at both ends', async (fault, sent, inLog, said) => {
    const { status, line, atSender } = await answered(sent)
    expect(status).toBe('name')
    expect(line).toContain(`name ${fault} (`)
    expect(line).toContain(inLog)
    expect(atSender).toContain(said)
  })

  test('a wrong digest is logged and reported to the sender', async () => {
    const { status, line, atSender } = await answered([
      'data',
      'x',
      text,
      computeDigest(Buffer.from('other')),
    ])
    expect([status, atSender]).toEqual(['digest', expect.stringContaining('arrived damaged')])
    expect(line).toContain('is not what its sender read')
  })

  test('an existing file that cannot be moved to the versions is logged and reported to the sender', async () => {
    const store = path.join(temporaryDirectory('refused-file'), 'store')
    const spoil = () => {
      // A file where the versions' directory has to be.
      fs.writeFileSync(path.join(store, '.holdfast', 'versions'), '')
      fs.writeFileSync(path.join(store, 'sender-1', 'data', 'x'), 'older')
    }
    const { status, line, atSender } = await answered(['data', 'x', text], { store, rules: {}, spoil })
    expect([status, atSender]).toEqual([
      'failed',
      expect.stringContaining('cannot store files: it exists already'),
    ])
    expect(line).toContain('failed EEXIST (the store could not write it')
  })

  const none = { bytes: null, files: null }
  test.each([
    [
      'room',
      'full floor (',
      'only the space left that Holdfast keeps free',
      { floor: { bytes: 2 ** 52, percent: 100 } },
    ],
    ['bytes', 'full quota bytes 3 (', 'has used its 3 B', { quota: { each: { ...none, bytes: 3 }, of: {} } }],
    [
      'files',
      'full quota files 0 (',
      'has used its 0 files',
      { quota: { each: { ...none, files: 0 }, of: {} } },
    ],
  ])('a lack of %s is logged and reported to the sender', async (_what, inLog, said, rules) => {
    const store = path.join(temporaryDirectory('refused-file'), 'store')
    const { status, line, atSender } = await answered(['data', 'x', text], { store, rules })
    expect([status, atSender]).toEqual(['full', expect.stringContaining(said)])
    expect(line).toContain(inLog)
  })

  describe.skipIf(!canMount)('store on a disk of its own (needs root: mounts)', () => {
    test.each<[string, (disk: Mounted) => unknown, string, string]>([
      [
        'full',
        ({ point }) => fs.writeFileSync(path.join(point, 'ballast'), Buffer.alloc(3_850_000)),
        'full ENOSPC (the disk is full',
        'has too little free space',
      ],
      [
        'readOnly',
        ({ point }) => remount(point, 'ro'),
        "readOnly EROFS (the store's file system",
        'is read-only',
      ],
    ])('the status %s is logged and reported to the sender', async (wanted, spoil, inLog, said) => {
      const disk = await mountTmpfs(onTestFinished, { megabytes: 4 })
      const rules = { floor: { bytes: 0, percent: 0 } }
      const at = { store: path.join(disk.point, 'store'), rules, spoil: () => spoil(disk) }
      const { status, line, atSender } = await answered(['data', 'x', Buffer.alloc(250_000)], at)
      expect([status, atSender]).toEqual([wanted, expect.stringContaining(said)])
      expect(line).toContain(inLog)
    })
  })
})
