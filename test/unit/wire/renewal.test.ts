import path from 'node:path'
import { expect, test } from 'vitest'
import { openReceiverRenewal } from '../../../core/receive/senders/renewal.ts'
import { openSenders } from '../../../core/receive/senders/senders.ts'
import { openRenewal } from '../../../core/send/link/renewal.ts'
import { loadIdentity } from '../../../core/wire/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const DAY_MS = 24 * 3600 * 1000

/** Both ends with certificates near their end; each may be opened anew from what is on disk, as after a crash. */
async function setUp() {
  const base = temporaryDirectory('renewal')
  const [here, there] = [path.join(base, 'sender'), path.join(base, 'receiver')]
  const soon = new Date(Date.now() + 30 * DAY_MS)
  const old = { sender: await loadIdentity(here, soon), receiver: await loadIdentity(there, soon) }
  const file = path.join(base, 'senders.json')
  await (await openSenders(file, () => undefined)).pair(old.sender.fingerprint, 'pc', 1)
  const paired = { host: 'there', port: 1, fingerprint: old.receiver.fingerprint }

  const openSender = async () => {
    const renewal = await openRenewal(here, () => undefined)
    renewal.setReceivers(paired, [paired])
    return renewal
  }
  const openReceiver = async () => {
    const senders = await openSenders(file, () => undefined)
    const renewal = await openReceiverRenewal({
      directory: there,
      senders,
      log: () => undefined,
      onRenewed: async () => undefined,
    })
    // The daily look is not what is tested here.
    renewal.stop()
    await renewal.proceed()
    return { senders, renewal }
  }
  return { old, paired, openSender, openReceiver }
}

/** One connection, in steps; `restart` says after which of them which end is opened anew. */
const STEPS = ['announced', 'pinned', 'welcomed', 'taken'] as const
const ENDS = ['nobody', 'sender', 'receiver'] as const

test.each(STEPS.flatMap((step) => ENDS.map((end) => [step, end] as const)))(
  'after "%s" %s begins again from the disk: both certificates change, and no connection is refused on the way',
  async (crashAt, end) => {
    const { old, paired, openSender, openReceiver } = await setUp()
    let sender = await openSender()
    let receiver = await openReceiver()
    const crash = async (step: (typeof STEPS)[number]) => {
      if (step !== crashAt) return
      if (end === 'sender') sender = await openSender()
      if (end === 'receiver') receiver = await openReceiver()
    }
    for (let connection = 0; connection < 8; connection += 1) {
      const shown = { sender: sender.identity.fingerprint, receiver: receiver.renewal.identity.fingerprint }
      const peer = sender.peerOf(paired)
      expect([peer.fingerprint, peer.nextFingerprint]).toContain(shown.receiver)
      const entry = receiver.senders.accepted(shown.sender)
      if (entry === null) throw new Error('the sender is refused')
      const hello = sender.announcement(paired)
      await crash('announced')
      await receiver.renewal.onHello(entry, shown.sender, hello)
      await crash('pinned')
      const welcome = receiver.renewal.welcome(receiver.senders.accepted(shown.sender) ?? entry, hello)
      await crash('welcomed')
      await sender.onWelcome(paired, shown.receiver, welcome)
      await crash('taken')
    }
    const now = { sender: sender.identity.fingerprint, receiver: receiver.renewal.identity.fingerprint }
    expect(now.sender).not.toBe(old.sender.fingerprint)
    expect(now.receiver).not.toBe(old.receiver.fingerprint)
    // What is over is dropped at both ends.
    expect(receiver.senders.accepted(old.sender.fingerprint)).toBeNull()
    expect(receiver.senders.list()).toMatchObject([{ fingerprint: now.sender, next: null, folder: 'pc' }])
    expect(sender.peerOf(paired)).toMatchObject({ fingerprint: now.receiver, nextFingerprint: null })
    expect(sender.announcement(paired)).toEqual({})
  },
)

test("a sender cannot announce another sender's certificate as its own", async () => {
  const { old, openReceiver } = await setUp()
  const { senders, renewal } = await openReceiver()
  const other = await senders.pair('2'.repeat(64), 'other', 2)
  const entry = senders.accepted(old.sender.fingerprint)
  if (entry === null) throw new Error('the sender is refused')
  await renewal.onHello(entry, entry.fingerprint, { next: other.fingerprint })
  expect(senders.accepted(other.fingerprint)?.folder).toBe('other')
  expect(renewal.welcome(entry, { next: other.fingerprint })).not.toHaveProperty('knows')
  expect(senders.known(entry.fingerprint)?.next).toBeNull()
})

test('a receiver is shown the next certificate as soon as it knows it; the present one is kept until all do', async () => {
  const { old, paired, openSender } = await setUp()
  const second = { host: 'elsewhere', port: 1, fingerprint: '3'.repeat(64) }
  const both = [paired, second]
  // A process for each receiver, with one identity.
  const [sender, other] = [await openSender(), await openSender()]
  sender.setReceivers(paired, both)
  other.setReceivers(second, both)
  const { next } = sender.announcement(paired)
  if (next === undefined) throw new Error('nothing is announced')
  expect(other.announcement(second)).toEqual({ next })
  // The first one could not write it down now, and says something else the next time.
  expect(sender.onWelcome(paired, paired.fingerprint, {})).toBeNull()
  expect(sender.onWelcome(paired, paired.fingerprint, { knows: '4'.repeat(64) })).toBeNull()
  await sender.onWelcome(paired, paired.fingerprint, { knows: next })
  expect(sender.identity.fingerprint).toBe(next)
  expect(sender.announcement(paired)).toEqual({})
  // A receiver that is paired with now, and the one that does not know it, are shown the present one.
  expect(sender.current.fingerprint).toBe(old.sender.fingerprint)
  expect(other.identity.fingerprint).toBe(old.sender.fingerprint)
  const restarted = await openSender()
  restarted.setReceivers(paired, both)
  expect(restarted.identity.fingerprint).toBe(next)

  await other.onWelcome(second, second.fingerprint, { knows: next })
  expect(other.current.fingerprint).toBe(next)
  // The other process finds it on the disk before it connects again.
  await sender.prepare()
  expect([sender.current.fingerprint, sender.identity.fingerprint]).toEqual([next, next])
})
