import { expect, test } from 'vitest'
import { createConnected } from '../../../core/receive/connection/host.ts'
import type { Sender } from '../../../core/store/senders/senders.ts'

const sender: Sender = {
  ...{ name: 'pc', folder: 'pc', fingerprint: 'a'.repeat(64) },
  ...{ pairedAt: 1, revokedAt: null, label: '', sources: {}, proposal: null },
}

/** A connection that was last heard of when it came. */
function guestNow() {
  const heardAt = performance.now()
  const seen = { dropped: false }
  const nothing = () => undefined
  const guest = {
    heardAt: () => heardAt,
    ...{ onTwice: nothing, replace: nothing, want: nothing, propose: nothing },
    attach: () => null,
    drop: () => {
      seen.dropped = true
    },
  }
  return { guest, seen }
}

test('active connections: a connection waiting for the first one’s reply does not displace a newer connection', async () => {
  const connected = createConnected()
  const [a, b, c] = [guestNow(), guestNow(), guestNow()]
  const first = await connected.enter(sender, 'a', a.guest)
  const waiting = connected.enter(sender, 'b', b.guest)
  first?.leave()
  expect(await connected.enter(sender, 'c', c.guest)).not.toBeNull()
  expect(await waiting).toBeNull()
  connected.dropRefused({ accepted: () => null, known: () => sender })
  expect([b.seen.dropped, c.seen.dropped]).toEqual([false, true])
})

test('active connections: a closed data stream frees its memory only as the sender loses its credit', async () => {
  const connected = createConnected()
  const place = await connected.enter(sender, 'a', guestNow().guest)
  const used = () => {
    const sizes: number[] = []
    for (let stream = place?.grow(); stream != null; stream = place?.grow()) {
      sizes.push(stream.bytes)
      stream.leave()
    }
    return sizes
  }
  const sizes = used()
  expect(sizes[0]).toBe(6 * 1024 * 1024)
  expect(used()).toEqual([])
  place?.release(4 * 1024 * 1024)
  expect(used().length).toBeGreaterThan(0)
})
