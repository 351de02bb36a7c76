import path from 'node:path'
import { expect, test } from 'vitest'
import type { Frame, FrameHeader } from '../../../core/protocol/frames.ts'
import { createProposal } from '../../../core/receive/proposing.ts'
import { readSeen, type SeenSenders } from '../../../core/receive/senders/last-seen.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { setUp } from '../../support/faults/lied-to.ts'
import type { Lies } from '../../support/faults/lying-receiver.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { type Home, makeHome, startListening, startPair } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const TEXT = JSON.stringify({ check: { intervalSeconds: 60 } })
const SOON_MS = 30_000

type Proposed = FrameHeader<'propose'>['proposal']

/** Connects as this sender; gives the proposals that came. */
async function connectAs(port: number, { identity }: Home, changes: Partial<FrameHeader<'hello'>>) {
  const frames: Frame[] = []
  const wire = connectWire(port, identity, (frame) => frames.push(frame))
  wire.send('hello', buildHello(changes))
  await until('a welcome', () => frames.some(({ type }) => type === 'welcome'), SOON_MS)
  const proposals = (): Proposed[] =>
    frames.flatMap((frame) => (frame.type === 'propose' ? [frame.header.proposal] : []))
  const refusal = () => frames.find((frame) => frame.type === 'refused')?.header
  return { ...wire, proposals, refusal }
}

async function startReceiver() {
  const base = temporaryDirectory('proposals')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  const { at } = await startListening(store, [home])
  const layout = storeLayout(store)
  const senders = await openSenders(layout.senders, null)
  const { fingerprint } = home.identity
  const readProposal = async () => {
    await senders.refresh()
    return senders.known(fingerprint)?.proposal ?? null
  }
  const untilSeen = (what: string, holds: (seen: SeenSenders) => boolean) =>
    until(what, async () => holds(await readSeen(layout.seen)), SOON_MS)
  return { at, home, senders, fingerprint, readProposal, untilSeen }
}

test('proposed settings: a receiver repeats a proposal until it has the decision, and ignores others', async () => {
  const { at, home, senders, fingerprint, readProposal, untilSeen } = await startReceiver()
  const sender = await connectAs(at.port, home, { proposals: true })
  await until('that nothing is proposed', () => sender.proposals().length === 1, SOON_MS)
  expect(sender.proposals()).toEqual([null])

  const first = createProposal(TEXT, 'wei', 1)
  await senders.propose([fingerprint], first)
  await until('the first one', () => sender.proposals().at(-1)?.id === first.id, SOON_MS)
  expect(sender.proposals().at(-1)).toEqual({ id: first.id, by: 'wei', text: TEXT })
  const second = createProposal(TEXT, 'wei', 2)
  await senders.propose([fingerprint], second)
  await until('the newer one', () => sender.proposals().at(-1)?.id === second.id, SOON_MS)

  // A late decision about the replaced proposal.
  sender.send('decided', { id: first.id, accepted: true, sentence: null })
  sender.socket.destroy()
  await sender.closed
  const again = await connectAs(at.port, home, { proposals: true })
  await until('it is repeated', () => again.proposals().at(-1)?.id === second.id, SOON_MS)
  expect(await readProposal()).toMatchObject({ id: second.id, state: 'waiting' })

  const words = { key: 'proposal.invalid' as const, params: { reason: 'x' } }
  again.send('decided', { id: second.id, accepted: false, sentence: 'Invalid: x.', words })
  again.send('decided', { id: second.id, accepted: true, sentence: null })
  await until('the decision', async () => (await readProposal())?.state === 'declined', SOON_MS)
  expect(await readProposal()).toMatchObject({ sentence: 'Invalid: x.', words })
  await until('that nothing waits', () => again.proposals().at(-1) === null, SOON_MS)
  expect(again.refusal()).toBeUndefined()
  await untilSeen('that it takes proposals', ({ takesProposals }) => takesProposals.get('sender-1') === true)
})

test('proposed settings: a sender of an older version gets none, and the list shows that', async () => {
  const { at, home, senders, fingerprint, readProposal, untilSeen } = await startReceiver()
  const old = await connectAs(at.port, home, {})
  const { id, ...proposal } = createProposal(TEXT, 'wei', 1)
  await senders.propose([fingerprint], { id, ...proposal })
  await untilSeen('that it takes none', ({ takesProposals }) => takesProposals.get('sender-1') === false)
  // It decides about a proposal that it did not get.
  old.send('decided', { id, accepted: true, sentence: null })
  old.send('alive', { stalledMs: 0 })
  await until('the list is read again', async () => (await readProposal())?.id === id, SOON_MS)
  old.send('propose', { proposal: null })
  await until('the refusal', () => old.refusal(), SOON_MS)
  expect(old.refusal()).toMatchObject({ code: 'malformed' })
  expect(old.proposals()).toEqual([])
  expect(await readProposal()).toMatchObject({ state: 'waiting' })
})

test('proposed settings: a proposal to a sender that takes none ends the connection', async () => {
  const proposal = { id: 'ab', by: 'x', text: TEXT }
  const { liar, allSent } = await setUp({
    onWelcomed: ({ number, send }) => number === 1 && send('propose', { proposal }),
  })
  await allSent()
  expect(liar.connections.length).toBeGreaterThan(1)
  expect(liar.seen).not.toContain('decided')
})

test('proposed settings: an invalid frame ends the connection, and the sender connects again', async () => {
  const frames: readonly unknown[] = [
    { proposal: { id: 'no hexadecimal', by: 'x', text: TEXT } },
    { proposal: { id: 'ab', by: 'a\u001b[2J', text: TEXT } },
    { proposal: { id: 'ab', by: 'x', text: { nested: true } } },
    {},
  ]
  const lies: Lies = {
    onWelcomed({ number, send }) {
      const header = frames[number - 1]
      if (header !== undefined) send('propose', header as never)
    },
  }
  const { liar, allSent } = await setUp(lies, undefined, { proposals: { decided: null } })
  await allSent()
  expect(liar.connections.length).toBeGreaterThan(frames.length)
  expect(liar.seen).not.toContain('decided')
})

test('proposed settings: a sender answers a proposal with the decision of its configuration', {
  tags: 'story',
}, async () => {
  const base = temporaryDirectory('sender-proposals')
  const { sender, config, store, home } = await startPair(base)
  const layout = storeLayout(store)
  const senders = await openSenders(layout.senders, null)
  const { fingerprint } = home.identity
  sender.configure({ ...config, proposals: { decided: null } })
  await until('it is connected', () => sender.report()?.connection.state === 'connected', SOON_MS)
  const proposal = createProposal(TEXT, 'wei', 1)
  await senders.propose([fingerprint], proposal)
  sender.configure({
    ...config,
    proposals: { decided: { id: proposal.id, accepted: true, sentence: null } },
  })
  const findState = async () => {
    await senders.refresh()
    return senders.known(fingerprint)?.proposal?.state
  }
  await until('the decision', async () => (await findState()) === 'accepted', SOON_MS)
})
