// Every refusal of a receiver, each really run: of a connection the reason in both logs, of a file its status and a
// sentence at both ends.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openSenders } from '../../../core/receive/senders.ts'
import { Refused } from '../../../core/send/dial.ts'
import { troubleOf } from '../../../core/send/link.ts'
import { verdictOf } from '../../../core/send/verdict.ts'
import type { Frame, FrameHeader } from '../../../core/wire/frames.ts'
import { fileStatuses } from '../../../core/wire/frames.ts'
import { englishWords } from '../../../core/words/words.ts'
import type { Mounted } from '../../support/mounts.ts'
import { canMount, mountTmpfs, remount } from '../../support/mounts.ts'
import { startRuled } from '../../support/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import type { Home } from '../../support/transfer.ts'
import { makeHome } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'
import { connectWire } from '../../support/wire-client.ts'

const there = {
  ...{ id: 'd', kind: 'receiver', name: 'nas', host: '127.0.0.1', port: 7 },
  fingerprint: 'f'.repeat(64),
} as const
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const hello = (protocols = [2, 1]) => ({ protocols, name: 'sender', purpose: 'send' as const })
type Client = ReturnType<typeof connectWire>

describe('a connection that is refused', () => {
  /** A receiver that trusts one home, and knows one that was revoked. */
  async function setUp() {
    const base = temporaryDirectory('refused')
    const [home, stranger, revoked] = await Promise.all(
      ['home', 'stranger', 'revoked'].map((name) => makeHome(path.join(base, name))),
    )
    if (home === undefined || stranger === undefined || revoked === undefined) throw new Error('no homes')
    const store = path.join(base, 'store')
    const layout = storeLayout(store)
    fs.mkdirSync(layout.own, { recursive: true })
    const senders = await openSenders(layout.senders, () => undefined)
    await senders.pair(revoked.identity.fingerprint, 'old', 1)
    await senders.revoke(revoked.identity.fingerprint, 2)
    const { receiver, log } = await startRuled(store, [home], {})
    return { receiver, log, home, stranger, revoked }
  }
  type World = Awaited<ReturnType<typeof setUp>>

  /** What the client hears as the reason. */
  const refusalOf = async (
    { receiver }: World,
    who: Home,
    act: (client: Client) => void | Promise<void>,
  ): Promise<FrameHeader<'refused'>> => {
    const frames: Frame[] = []
    const client = connectWire(receiver.port, who.identity, (frame) => frames.push(frame))
    await act(client)
    await client.closed
    const refused = frames.find((frame) => frame.type === 'refused')
    if (refused?.type !== 'refused') throw new Error(`not refused: ${JSON.stringify(frames)}`)
    return refused.header
  }

  const welcomed = async (client: Client) => {
    client.send('hello', hello())
    client.send('alive', { stalledMs: 0 })
  }
  test.each<
    [
      string,
      string,
      'home' | 'stranger' | 'revoked',
      (client: Client) => void | Promise<void>,
      RegExp,
      string,
    ]
  >([
    [
      'not paired',
      'notPaired',
      'stranger',
      (one) => one.send('hello', hello()),
      /is not paired$/,
      'does not know this computer',
    ],
    [
      'revoked',
      'revoked',
      'revoked',
      (one) => one.send('hello', hello()),
      /was revoked$/,
      'it was revoked there',
    ],
    [
      'another protocol',
      'protocol',
      'home',
      (one) => one.send('hello', hello([99])),
      /speaks protocol 99, here is/,
      'another version of the protocol',
    ],
    [
      'a wrong pairing code',
      'code',
      'stranger',
      (one) => {
        one.send('hello', { ...hello(), purpose: 'pair' })
        one.send('pair', { code: 'wrong', name: 'x' })
      },
      /gave a wrong or outdated pairing code/,
      'pairing code',
    ],
    [
      'a frame that may not come yet',
      'malformed',
      'home',
      (one) => one.send('end', { id: 1, digest: digestOf(Buffer.of()) }),
      /end frame/,
      'end frame',
    ],
    [
      'a frame that may not come now',
      'malformed',
      'home',
      async (one) => {
        await welcomed(one)
        one.send('end', { id: 7, digest: digestOf(Buffer.of()) })
      },
      /file 7 is not open/,
      'file 7 is not open',
    ],
    [
      'a length beyond all limits',
      'malformed',
      'home',
      async (one) => {
        await welcomed(one)
        one.socket.write(Buffer.from([6, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]))
      },
      /header|long|large|bytes/,
      'refused the connection',
    ],
  ])('%s: %s', async (_what, code, who, act, inLog, atSender) => {
    const world = await setUp()
    const refused = await refusalOf(world, world[who], act)
    expect(refused.code).toBe(code)
    await until('it is in the log', () =>
      world.log.some((line) => /refused 127/.test(line) && inLog.test(line)),
    )
    expect(world.receiver.refusedConnections).toBe(1)
    const { problem } = troubleOf(new Refused(refused), there, false)
    expect(englishWords(problem)).toContain(atSender)
  })

  test('more connections than a sender may have: busy', async () => {
    const world = await setUp()
    const frames: Frame[] = []
    for (let count = 0; count < 8; count += 1)
      connectWire(world.receiver.port, world.home.identity, (frame) => frames.push(frame)).send(
        'hello',
        hello(),
      )
    await until('eight are welcome', () => frames.filter(({ type }) => type === 'welcome').length === 8)
    const refused = await refusalOf(world, world.home, (one) => one.send('hello', hello()))
    expect(refused).toEqual({ code: 'busy', reason: 'sender-1 has too many connections' })
    expect(world.log.join('\n')).toMatch(/refused 127\S+ sender-1 has too many connections/)
  })

  test.each<[string, RegExp, (world: World) => net.Socket]>([
    [
      'plaintext',
      /HTTP_REQUEST|http request/i,
      ({ receiver }) =>
        net.connect(receiver.port, '127.0.0.1', function (this: net.Socket) {
          this.write('GET / HTTP/1.1\r\n\r\n')
        }),
    ],
    [
      'TLS 1.2',
      /UNSUPPORTED_PROTOCOL/i,
      ({ receiver, home }) =>
        tls.connect({
          port: receiver.port,
          host: '127.0.0.1',
          cert: home.identity.certificate,
          key: home.identity.key,
          rejectUnauthorized: false,
          maxVersion: 'TLSv1.2',
        }),
    ],
    [
      'no certificate',
      /no client certificate/,
      ({ receiver }) => tls.connect({ port: receiver.port, host: '127.0.0.1', rejectUnauthorized: false }),
    ],
    [
      'an end before hello, as by a sender that has pinned another certificate',
      /ended before it said hello/,
      ({ receiver, home }) => {
        const socket = tls.connect(
          {
            port: receiver.port,
            host: '127.0.0.1',
            cert: home.identity.certificate,
            key: home.identity.key,
            rejectUnauthorized: false,
          },
          () => socket.end(),
        )
        return socket
      },
    ],
  ])('%s', async (_what, inLog, act) => {
    const world = await setUp()
    const socket = act(world)
    socket.on('error', () => undefined)
    onTestFinished(() => void socket.destroy())
    await until('it is in the log', () =>
      world.log.some((line) => /refused 127/.test(line) && inLog.test(line)),
    )
    expect(world.receiver.refusedConnections).toBe(1)
  })
})

describe('a file that is refused', () => {
  type Sent = [source: string, path: string, content: Buffer, digest?: Buffer]
  const text = Buffer.from('content')

  /** Sends one small file to a receiver; gives its answer, and what was logged of it. */
  async function answerOf(
    [source, name, content, digest = digestOf(content)]: Sent,
    at?: { store: string; rules: object; spoil?: () => unknown },
  ) {
    const base = temporaryDirectory('refused-file')
    const home = await makeHome(path.join(base, 'home'))
    const store = at?.store ?? path.join(base, 'store')
    fs.mkdirSync(path.join(store, 'sender-1', 'data'), { recursive: true })
    if (at === undefined) fs.symlinkSync(base, path.join(store, 'sender-1', 'data', 'planted'))
    const { receiver, log } = await startRuled(store, [home], at?.rules ?? {})
    const frames: Frame[] = []
    const client = connectWire(receiver.port, home.identity, (frame) => frames.push(frame))
    client.send('hello', hello())
    await until('it is welcome', () => frames.some(({ type }) => type === 'welcome'))
    await at?.spoil?.()
    client.send('batch', { files: [[1, source, name, content.length, 0, 0o644, digest]] }, [content])
    const [result] = await until(
      'it is answered',
      () => frames.find((frame) => frame.type === 'result')?.header.results,
    )
    const status = fileStatuses[result?.[1] ?? -1]
    if (result === undefined || status === undefined) throw new Error('no status')
    const line = await until('it is in the log', () =>
      log.find((one) => one.includes('not stored: sender-1/')),
    )
    const verdict = verdictOf({ status, detail: result[2] }, 'nas', { path: '/data/x', size: content.length })
    const reason = verdict.kind === 'sent' ? null : verdict.reason
    return { status, line, atSender: reason === null ? '' : englishWords(reason) }
  }

  test.each<[string, Sent, string, string]>([
    ['empty', ['data', 'a//b', text], 'a part of its name is empty', 'a part of its name is empty'],
    ['dots', ['data', '../x', text], 'contains . or ..', 'contains . or ..'],
    ['absolute', ['data', '/etc/x', text], 'is not a relative one', 'is not a relative one'],
    ['nul', ['data', 'a\0b', text], 'a NUL character', 'a NUL character'],
    ['long', ['data', 'x'.repeat(256), text], 'longer than', 'longer than'],
    ['reserved', ['data', '.holdfast/x', text], 'is reserved', 'is reserved'],
    [
      'symlink',
      ['data', 'planted/x', text],
      'a symbolic link stands in its way',
      'a symbolic link stands in its way',
    ],
  ])('for its name: %s', async (fault, sent, inLog, said) => {
    const { status, line, atSender } = await answerOf(sent)
    expect(status).toBe('name')
    expect(line).toContain(`name ${fault} (`)
    expect(line).toContain(inLog)
    expect(atSender).toContain(said)
  })

  test('for its digest', async () => {
    const { status, line, atSender } = await answerOf(['data', 'x', text, digestOf(Buffer.from('other'))])
    expect([status, atSender]).toEqual(['digest', expect.stringContaining('arrived damaged')])
    expect(line).toContain('is not what its sender read')
  })

  test('for what stands in its way and cannot be moved', async () => {
    const base = temporaryDirectory('refused-file')
    const store = path.join(base, 'store')
    // A file where the versions' directory has to be.
    fs.mkdirSync(path.join(store, '.holdfast'), { recursive: true })
    fs.writeFileSync(path.join(store, '.holdfast', 'versions'), '')
    fs.mkdirSync(path.join(store, 'sender-1', 'data'), { recursive: true })
    fs.writeFileSync(path.join(store, 'sender-1', 'data', 'x'), 'older')
    const { status, line, atSender } = await answerOf(['data', 'x', text], { store, rules: {} })
    expect([status, atSender]).toEqual(['failed', expect.stringContaining('cannot store files: EEXIST')])
    expect(line).toContain('failed EEXIST (the store could not write it')
  })

  const none = { bytes: null, files: null }
  test.each([
    ['room', 'full floor (', 'keeps the rest of it free', { floor: { bytes: 2 ** 52, percent: 100 } }],
    ['bytes', 'full quota bytes 3 (', 'has used its 3 B', { quota: { each: { ...none, bytes: 3 }, of: {} } }],
    [
      'files',
      'full quota files 0 (',
      'has used its 0 files',
      { quota: { each: { ...none, files: 0 }, of: {} } },
    ],
  ])('for want of %s', async (_what, inLog, said, rules) => {
    const store = path.join(temporaryDirectory('refused-file'), 'store')
    const { status, line, atSender } = await answerOf(['data', 'x', text], { store, rules })
    expect([status, atSender]).toEqual(['full', expect.stringContaining(said)])
    expect(line).toContain(inLog)
  })

  describe.skipIf(!canMount)('for its disk (needs root: mounts)', () => {
    test.each<[string, (disk: Mounted) => unknown, string, string]>([
      [
        'full',
        ({ point }) => fs.writeFileSync(path.join(point, 'ballast'), Buffer.alloc(4_050_000)),
        'full ENOSPC (the disk is full',
        'is full',
      ],
      [
        'readOnly',
        ({ point }) => remount(point, 'ro'),
        "readOnly EROFS (the store's file system",
        'is read-only',
      ],
    ])('%s', async (wanted, spoil, inLog, said) => {
      const disk = await mountTmpfs(onTestFinished, { megabytes: 4 })
      const rules = { floor: { bytes: 0, percent: 0 } }
      const at = { store: path.join(disk.point, 'store'), rules, spoil: () => spoil(disk) }
      const { status, line, atSender } = await answerOf(['data', 'x', Buffer.alloc(250_000)], at)
      expect([status, atSender]).toEqual([wanted, expect.stringContaining(said)])
      expect(line).toContain(inLog)
    })
  })
})
