// Every refusal of a connection, each really run: the reason is in both logs. A receiver with another certificate than
// the pinned one: refusals.test.ts.
// @module-tag story
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Refused, toConnectionTrouble } from '../../../core/backends/receiver/dial.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import type { Frame, FrameHeader } from '../../../core/protocol/frames.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { repeat } from '../../support/repeat.ts'
import { computeDigest } from '../../support/store/file-facts.ts'
import { startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { type Home, makeHome } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const there = {
  ...{ id: 'd', kind: 'receiver' as const, name: 'nas', host: '127.0.0.1', port: 7 },
  fingerprint: 'f'.repeat(64),
} as const
type Client = ReturnType<typeof connectWire>

describe('refused connection', () => {
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
    await senders.pair(revoked.identity.fingerprint, 'old', 1, null)
    await senders.revoke(revoked.identity.fingerprint, 2)
    const { receiver, log } = await startRuled(store, [home], {})
    return { receiver, log, home, stranger, revoked }
  }
  type World = Awaited<ReturnType<typeof setUp>>

  /** What the client hears as the reason. */
  const waitForRefusal = async (
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
    client.send('hello', buildHello())
    await once(client.socket, 'data')
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
      (one) => one.send('hello', buildHello()),
      /is not paired$/,
      'does not know this computer',
    ],
    [
      'revoked',
      'revoked',
      'revoked',
      (one) => one.send('hello', buildHello()),
      /was revoked$/,
      'it was revoked there',
    ],
    [
      'another protocol',
      'protocol',
      'home',
      (one) => one.send('hello', buildHello({ protocol: 99 })),
      /speaks protocol 99, here is/,
      'another version of the protocol',
    ],
    [
      'a wrong pairing code',
      'code',
      'stranger',
      (one) => one.send('hello', buildHello({ purpose: 'pair', code: 'wrong' })),
      /gave a wrong or outdated pairing code/,
      'pairing code',
    ],
    [
      'a frame that may not come yet',
      'malformed',
      'home',
      (one) => one.send('end', { id: 1, digest: computeDigest(Buffer.of()) }),
      /end frame/,
      'end frame',
    ],
    [
      'a frame that may not come now',
      'malformed',
      'home',
      async (one) => {
        await welcomed(one)
        one.send('end', { id: 7, digest: computeDigest(Buffer.of()) })
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
  ])('"%s" is sent as code %s, counted and logged', async (_what, code, who, act, inLog, atSender) => {
    const world = await setUp()
    const refused = await waitForRefusal(world, world[who], act)
    expect(refused.code).toBe(code)
    await until('it is in the log', () =>
      world.log.some((line) => /refused 127/.test(line) && inLog.test(line)),
    )
    expect([...world.receiver.counters.refusedConnections]).toEqual([[code, 1]])
    const { problem } = toConnectionTrouble(new Refused(refused), there, false)
    expect(englishWords(problem)).toContain(atSender)
  })

  test('a second connection of one identity is refused, both are notified, and the first stays open', async () => {
    const world = await setUp()
    const frames: Frame[] = []
    const first = connectWire(world.receiver.port, world.home.identity, (frame) => frames.push(frame))
    await welcomed(first)
    repeat(200, () => first.send('alive', { stalledMs: 0 }))
    const refused = await waitForRefusal(world, world.home, (one) => one.send('hello', buildHello()))
    expect(refused.code).toBe('twice')
    await until('the first is told', () => frames.some(({ type }) => type === 'twice'))
    expect(world.log.join('\n')).toMatch(/refused 127\S+ sender-1 is connected already/)
    expect(first.socket.destroyed).toBe(false)
    const { problem } = toConnectionTrouble(new Refused(refused), there, false)
    expect(englishWords(problem)).toContain('nas')
  })

  test('an undetected dead connection is closed for the next connection of its sender', async () => {
    const world = await setUp()
    const first = connectWire(world.receiver.port, world.home.identity, () => undefined)
    await welcomed(first)
    const second = connectWire(world.receiver.port, world.home.identity, () => undefined)
    await welcomed(second)
    await first.closed
    expect(second.socket.destroyed).toBe(false)
  })

  test('a connection that breaks before hello is not counted as a protocol error', async () => {
    const { receiver, home } = await setUp()
    const raw = net.connect(receiver.port, '127.0.0.1')
    const { certificate: cert, key } = home.identity
    const secure = tls.connect({ socket: raw, cert, key, rejectUnauthorized: false })
    onTestFinished(() => void raw.destroy())
    // The receiver sends its tickets when it has the certificate.
    await once(secure, 'session')
    raw.resetAndDestroy()
    await until('it is counted', () => receiver.refusedConnections === 1)
    expect([...receiver.counters.refusedConnections.keys()]).toEqual(['other'])
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
      'an end before TLS has begun',
      /ECONNRESET/,
      ({ receiver }) =>
        net.connect(receiver.port, '127.0.0.1', function (this: net.Socket) {
          this.end()
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
  ])('%s is counted once and logged with its reason', async (_what, inLog, act) => {
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
