import { expect, onTestFinished, test, vi } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import type { Frame, FrameHeader } from '../../../core/protocol/frames.ts'
import { computeFingerprint } from '../../../core/protocol/identity.ts'
import { MAX_STREAMS, PROTOCOL } from '../../../core/protocol/limits.ts'
import { HANDSHAKE_MS } from '../../../core/protocol/tls.ts'
import { SenderConnection } from '../../../core/receive/connection/connection.ts'
import type { ConnectionHost } from '../../../core/receive/connection/host.ts'
import type { Sender } from '../../../core/store/senders/senders.ts'
import { streamPair } from '../../support/faults/stream-pair.ts'
import { statusHeader } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const certificate = Buffer.from('the certificate of a sender')
const fingerprint = computeFingerprint(certificate)
const sender = { name: 'lab-3', folder: 'lab-3', fingerprint, revokedAt: null } as unknown as Sender
const PLACE = { bytes: 1_000, files: 10 }

/** A connection whose peer is the test. `host`: what differs from a receiver that lets every sender in. */
function open(
  changes: Partial<Record<keyof ConnectionHost, unknown>> = {},
  shows: Buffer | null = certificate,
) {
  const { socket, far } = streamPair(shows ?? certificate)
  if (shows === null) Object.assign(socket, { getPeerCertificate: () => ({}) })
  const heard: Frame[] = []
  const decoder = createFrameDecoder(() => true)
  far.on('data', (bytes: Buffer) => decoder.push(bytes, (frame) => heard.push(frame)))
  const state = { isClosed: false }
  far.once('close', () => {
    state.isClosed = true
  })
  onTestFinished(() => void far.destroy())
  const refused: string[] = []
  const log: string[] = []
  const letIn = vi.fn()
  const leave = vi.fn()
  const wanted = vi.fn(async (): Promise<{ directory: string; path: string }[]> => [])
  const grown = { bytes: 500, leave: vi.fn() }
  const place = { window: PLACE, leave, release: vi.fn(), grow: vi.fn(() => grown as typeof grown | null) }
  const host = {
    name: 'nas',
    store: { stalledMs: () => 0, known: async () => null, wantSince: async () => null, wanted },
    accepted: () => sender,
    known: () => sender,
    sourceIn: (_: string, directory: string) => (directory === 'data' ? 's' : null),
    enter: async () => place,
    enterRestore: () => leave,
    attach: () => null,
    pair: async () => sender,
    findProposal: () => null,
    onStatus: vi.fn(),
    onTakesProposals: vi.fn(),
    onDecided: vi.fn(async () => undefined),
    onRefusedConnection: (_: string, reason: string, kind: string) => refused.push(`${kind}: ${reason}`),
    onReceived: () => undefined,
    onRefusedFile: () => undefined,
    log: (_: string, text: string) => log.push(text),
  }
  Object.assign(host, changes)
  const connection = new SenderConnection(socket, host as unknown as ConnectionHost, letIn)
  const send = (...frame: Parameters<typeof encodeFrame>) =>
    void (far.destroyed || far.write(Buffer.concat(encodeFrame(...frame))))
  const hello = (more: Partial<FrameHeader<'hello'>> = {}) =>
    send('hello', { protocol: PROTOCOL, name: 'pc', purpose: 'send', session: null, ...more })
  const types = () => heard.map(({ type }) => type)
  const next = async (type: string) => {
    await until(`a frame ${type}`, () => types().includes(type as Frame['type']))
    return heard.find((frame) => frame.type === type)?.header as Record<string, unknown>
  }
  /** Waits for the end; returns the refusal. */
  const end = async () => {
    await until('the end', () => state.isClosed)
    return heard.find(({ type }) => type === 'refused')?.header
  }
  return {
    ...{ connection, host, send, hello, next, end, types, heard, refused, log, far },
    ...{ letIn, leave, place, grown, state },
  }
}

test.each<[string, Parameters<typeof open>[0], Partial<FrameHeader<'hello'>>, string, RegExp]>([
  ['that speaks another protocol', {}, { protocol: PROTOCOL + 1 }, 'protocol', /protocol/],
  ['that is not paired', { accepted: () => null, known: () => null }, {}, 'notPaired', /pc .*not paired/],
  ['that is known, but not accepted', { accepted: () => null }, {}, 'notPaired', /not paired/],
  [
    'that was revoked',
    { accepted: () => null, known: () => ({ ...sender, revokedAt: 1 }) },
    {},
    'revoked',
    /lab-3 .*revoked/,
  ],
  ['that is connected already', { enter: async () => null }, {}, 'twice', /connected already/],
  [
    'that cannot be served',
    { enter: () => Promise.reject(new Error('EIO /secret')) },
    {},
    'busy',
    /^it cannot be served now/,
  ],
  [
    'with too many restores',
    { enterRestore: () => null },
    { purpose: 'restore' },
    'busy',
    /too many restores/,
  ],
  [
    'with a wrong code',
    { pair: async () => null },
    { purpose: 'pair', code: 'x' },
    'code',
    /wrong or outdated/,
  ],
  [
    'whose pairing fails',
    { pair: () => Promise.reject(Object.assign(new Error('/secret'), { code: 'EIO' })) },
    { purpose: 'pair', code: 'x' },
    'busy',
    /^it cannot pair now \(EIO\)$/,
  ],
])(
  'connection of a sender %s: it is refused, and gets the reason',
  async (_, changes, greeting, code, reason) => {
    const { hello, end, refused, letIn, types } = open(changes)
    hello(greeting)
    expect(await end()).toEqual({ code, reason: expect.stringMatching(reason) })
    expect(refused).toEqual([expect.stringContaining(`${code}: `)])
    expect(letIn).not.toHaveBeenCalled()
    expect(types()).not.toContain('welcome')
  },
)

test('connection of a sender that is revoked while it enters: its place is given back', async () => {
  let isAccepted = true
  const { hello, end, leave, place } = open({
    accepted: () => (isAccepted ? sender : null),
    enter: async () => {
      isAccepted = false
      return place
    },
  })
  hello()
  expect(await end()).toMatchObject({ code: 'revoked' })
  expect(leave).toHaveBeenCalled()
})

test('connection without a certificate, or without a hello, is refused', async () => {
  const stranger = open({}, null)
  expect(await stranger.end()).toBeUndefined()
  expect(stranger.refused).toEqual([expect.stringMatching(/^certificate: /)])
  const silent = open()
  silent.far.end()
  await silent.end()
  expect(silent.refused).toEqual([expect.stringMatching(/^other: it ended before/)])
  const wrong = open()
  wrong.send('ask', { id: 1, question: { about: 'folders' } })
  expect(await wrong.end()).toMatchObject({ code: 'malformed' })
  expect(wrong.refused).toEqual([expect.stringMatching(/^malformed: /)])
})

test('connection that says nothing, or is not let in, ends after a time; one that is let in stays', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const silent = open()
  const entering = open({ enter: () => new Promise(() => undefined) })
  const admitted = open()
  for (const one of [entering, admitted]) one.hello()
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(admitted.types()).toContain('welcome')
  await vi.advanceTimersByTimeAsync(HANDSHAKE_MS)
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve))
  expect([silent.refused, entering.refused, admitted.refused]).toEqual([
    ['malformed: no hello in time'],
    ['malformed: not let in in time'],
    [],
  ])
  expect([silent, entering, admitted].map(({ state }) => state.isClosed)).toEqual([true, true, false])
})

test('connection for pairing: the sender is welcomed, and the connection ends', async () => {
  const { hello, end, next, host, letIn, log } = open()
  const pair = vi.spyOn(host, 'pair')
  hello({ purpose: 'pair', code: 'abc' })
  expect(await next('welcome')).toMatchObject({ name: 'nas', session: null })
  expect(await end()).toBeUndefined()
  expect(pair).toHaveBeenCalledExactlyOnceWith(fingerprint, { secret: 'abc' }, 'pc')
  expect(log).toEqual([expect.stringContaining('paired with lab-3')])
  expect(letIn).not.toHaveBeenCalled()
})

test('connection for restoring: the sender reads, and its place is given back at the end', async () => {
  const read = vi.fn(async () => ['data'])
  const { hello, next, send, end, letIn, leave, connection, host } = open()
  Object.assign(host.store, { read })
  hello({ purpose: 'restore' })
  expect(await next('welcome')).toMatchObject({ counts: true })
  expect(letIn).toHaveBeenCalledOnce()
  send('ask', { id: 3, question: { about: 'folders' } })
  expect(await next('told')).toMatchObject({ id: 3, answer: { folders: [{ name: 'data', source: 's' }] } })
  expect(leave).not.toHaveBeenCalled()
  connection.drop(sender)
  expect(await end()).toMatchObject({ code: 'revoked' })
  expect(leave).toHaveBeenCalledOnce()
})

test('connection for sending: the welcome has the window, the session of both ends, and what both can do', async () => {
  const known = { epoch: 'e', position: 7, session: 'a1' }
  const { hello, next, letIn, leave, far, end, log, host } = open()
  Object.assign(host.store, { known: async () => known })
  hello({ session: { epoch: 'e', position: 7, last: 'a1', next: null }, streams: true, proposals: true })
  expect(await next('welcome')).toMatchObject({
    ...{ protocol: PROTOCOL, name: 'nas', ...PLACE },
    session: { epoch: 'e', position: 7, last: 'a1', next: expect.any(String), isForked: false },
    streams: { key: expect.any(String), most: MAX_STREAMS },
  })
  expect(letIn).toHaveBeenCalledOnce()
  expect(host.onTakesProposals).toHaveBeenCalledExactlyOnceWith(sender, true)
  expect(leave).not.toHaveBeenCalled()
  far.end()
  await end()
  await until('its place is free', () => leave.mock.calls.length > 0)
  expect(log).toEqual([expect.stringContaining('lab-3 connected'), expect.stringContaining('lab-3 is gone')])
})

test('connection for sending: a sender that is behind is offered what came since; without the record, it says its own position', async () => {
  const known = { epoch: 'e', position: 7, session: 'a1' }
  const enter = async (wantSince: () => Promise<unknown>) => {
    const { hello, next, host } = open()
    Object.assign(host.store, { known: async () => known, wantSince })
    hello({ session: { epoch: 'e', position: 5, last: 'a1', next: null } })
    return (await next('welcome')).session
  }
  const wantSince = vi.fn(async () => null)
  expect(await enter(wantSince)).toMatchObject({ position: 7 })
  expect(wantSince).toHaveBeenCalledExactlyOnceWith('lab-3', 5)
  expect(await enter(() => Promise.reject(new Error('EIO')))).toMatchObject({ position: 5 })
})

test('connection for sending: files of known sources that are missing are asked for', async () => {
  const wanted = [
    { directory: 'data', path: 'a' },
    { directory: 'gone', path: 'b' },
  ]
  const { hello, next, host, heard, connection } = open()
  Object.assign(host.store, { wanted: async (_: string, after: number) => wanted.slice(after) })
  hello()
  expect(await next('want')).toEqual({ files: [['s', 'a']] })
  wanted[0] = { directory: 'data', path: 'c' }
  connection.want()
  await until('the next request', () => heard.filter(({ type }) => type === 'want').length === 2)
  expect(heard.filter(({ type }) => type === 'want').at(-1)?.header).toEqual({ files: [['s', 'c']] })
})

test('connection for sending: a status is passed on, and a revoked sender is told so', async () => {
  const { hello, next, end, send, host, connection, heard, refused } = open()
  connection.onTwice('10.0.0.1')
  hello()
  await next('welcome')
  connection.onTwice('10.0.0.1')
  expect(await next('twice')).toEqual({ from: '10.0.0.1' })
  expect(heard.filter(({ type }) => type === 'twice')).toHaveLength(1)
  send('status', statusHeader())
  await until('the status', () => host.onStatus.mock.calls.length > 0)
  expect(host.onStatus).toHaveBeenCalledExactlyOnceWith(sender, statusHeader())
  connection.drop(sender)
  expect(await end()).toMatchObject({ code: 'revoked' })
  expect(refused).toEqual([expect.stringContaining('revoked while it was connected')])
})

test('connection for sending: causes of another form, and later parts, are left out of a status, and the sender stays', async () => {
  const { hello, next, send, host, state } = open()
  const cause = message('cause.stoppedWriting', { type: 'ext4' })
  hello()
  await next('welcome')
  const others: unknown[] = [
    ...[7, 'x', null, {}, [7], [{ key: 'cause.stoppedWriting' }], [{ ...cause, key: '$t(x)' }]],
    ...[[cause, cause, cause, cause], [message('computer.text', { text: 'x'.repeat(1_001) })]],
    [message('computer.text', { text: 'a\x1b[2Jb' })],
  ]
  const status = (causes: unknown) => ({ ...statusHeader(), causes }) as FrameHeader<'status'>
  for (const causes of [...others, [cause, cause, cause]]) send('status', status(causes))
  // An earlier version gets causes as this one gets a part that it does not have.
  const later = { ...statusHeader(), later: [cause] }
  send('status', later)
  await until('all', () => host.onStatus.mock.calls.length > others.length + 1)
  expect(host.onStatus.mock.calls.map(([, header]) => header)).toEqual([
    ...others.map(() => statusHeader()),
    status([cause, cause, cause]),
    statusHeader(),
  ])
  expect(state.isClosed).toBe(false)
})

test('connection for sending: a new connection of the same sender ends it without a refusal', async () => {
  const { hello, next, end, connection, refused, leave } = open()
  hello()
  await next('welcome')
  connection.replace()
  expect(await end()).toBeUndefined()
  expect([refused, leave.mock.calls.length]).toEqual([[], 1])
})

test('connection for sending: data streams join with its key, as many as there may be, and a lost one ends it', async () => {
  const { hello, next, end, connection, place, grown } = open()
  expect(connection.attach('x', { close: () => undefined })).toBeNull()
  hello({ streams: true })
  const { streams } = (await next('welcome')) as { streams: { key: string } }
  const closed: number[] = []
  const join = (key: string, number = 0) => connection.attach(key, { close: () => closed.push(number) })
  expect(join('x')).toBeNull()
  const joined = Array.from({ length: MAX_STREAMS - 1 }, (_, index) => join(streams.key, index))
  expect(joined.every((one) => one !== null)).toBe(true)
  expect(join(streams.key)).toBeNull()
  joined[0]?.leave()
  expect(grown.leave).toHaveBeenCalledOnce()
  place.grow.mockReturnValueOnce(null)
  expect(join(streams.key)).toBeNull()
  expect(join(streams.key, 9)).not.toBeNull()
  joined[1]?.onLost(new Error('reset'))
  expect(await end()).toEqual({ code: 'busy', reason: 'a data stream was lost: reset' })
  expect(closed).toContain(9)
  joined[1]?.onLost(new Error('again'))
  expect(connection.attach(streams.key, { close: () => undefined })).toBeNull()
})

test('data stream: it joins the session of its sender, and its frames go there', async () => {
  const joined = { bytes: 77, handle: vi.fn(), onLost: vi.fn(), leave: vi.fn() }
  const attach = vi.fn(() => joined)
  const { send, next, far, end, letIn } = open({ attach })
  send('attach', { protocol: PROTOCOL, key: 'ab' })
  expect(await next('credit')).toEqual({ bytes: 77 })
  expect(letIn).toHaveBeenCalledOnce()
  expect(attach).toHaveBeenCalledExactlyOnceWith(sender, 'ab', expect.anything())
  send('chunk', { id: 1, zeros: 4 })
  await until('the frame', () => joined.handle.mock.calls.length > 0)
  far.end()
  await end()
  await until('its end', () => joined.leave.mock.calls.length > 0)
  expect(joined.onLost).not.toHaveBeenCalled()
  for (const changes of [{ attach: () => null }, { accepted: () => null }]) {
    const other = open(changes)
    other.send('attach', { protocol: PROTOCOL, key: 'ab' })
    expect(await other.end()).toMatchObject({ code: 'attach' in changes ? 'busy' : 'notPaired' })
  }
  const old = open({ attach })
  old.send('attach', { protocol: PROTOCOL + 1, key: 'ab' })
  expect(await old.end()).toMatchObject({ code: 'protocol' })
})

test('connection for sending: proposed settings are sent once, and the decision about the last ones is recorded', async () => {
  let proposal: object | null = { id: 'a1', by: 'ann', text: '{}', other: 1 }
  const { hello, next, send, heard, host, connection, log } = open({ findProposal: () => proposal })
  hello({ proposals: true })
  expect(await next('propose')).toEqual({ proposal: { id: 'a1', by: 'ann', text: '{}' } })
  const proposals = () => heard.filter(({ type }) => type === 'propose').map(({ header }) => header)
  connection.propose()
  proposal = { id: 'a2', by: 'ann', text: '{}' }
  connection.propose()
  await until('the second one', () => proposals().length === 2)
  send('decided', { id: 'a1', accepted: true, sentence: null })
  proposal = null
  send('decided', { id: 'a2', accepted: false, sentence: null })
  await until('that there is none', () => proposals().length === 3)
  expect(proposals().at(-1)).toEqual({ proposal: null })
  expect(host.onDecided).toHaveBeenCalledExactlyOnceWith(sender, expect.objectContaining({ id: 'a2' }))
  expect(log).toContain('lab-3 has declined the proposed settings')
  const older = open({ findProposal: () => ({ id: 'a3', by: '', text: '' }) })
  older.hello()
  await older.next('welcome')
  older.connection.propose()
  await new Promise((resolve) => setImmediate(resolve))
  expect(older.types()).not.toContain('propose')
})
