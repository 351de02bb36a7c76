import { chmodSync, linkSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Session } from '../../../core/backends/destination.ts'
import type { TransferResult } from '../../../core/ledger/ledger.ts'
import { openDispatcher } from '../../../core/send/queue/dispatcher.ts'
import { open } from '../../support/store/ledger.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { listFoundFiles } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const SECOND = 1_600_000_000

/** A dispatcher, and a receiver that has what it was sent; `log`: what came to it, in order. */
function setUp(parts: Partial<Session> = {}, knows = true, onStored: () => void = () => undefined) {
  const { directory, ledger } = open()
  const root = path.join(directory, 'source')
  mkdirSync(root)
  /** The directories that came with copies. */
  const told: string[] = []
  const log: string[] = []
  const durable: TransferResult = { kind: 'stored', position: 1 }
  const session = fakeSession({
    async sendSmall(files, _directories, { onUsed, onResult }) {
      onUsed()
      for (const [index, { path: name }] of files.entries()) {
        log.push(`content ${name}`)
        onStored()
        onResult(index, durable)
      }
    },
    async begin({ path: name }) {
      const end = async () => {
        log.push(`content ${name}`)
        onStored()
        return durable
      }
      const go = async () => true
      return { offset: 0, chunk: go, zeros: go, end, abort: async () => ({ kind: 'lost' }) }
    },
    async copy({ path: name, facts }, directories, _digest, from) {
      log.push(`copy ${name} of ${from.path}${from.isMoved ? ', moved' : ''}, ${facts.mode.toString(8)}`)
      told.push(
        ...directories.filter(({ path: one }) => one !== '').map(({ path: one }) => `${name}: ${one}`),
      )
      return knows ? durable : null
    },
    ...parts,
  })
  const ignore = () => undefined
  const dispatcher = openDispatcher(
    {
      ...{ destination: { id: 'd', name: 'nas' }, ledger, ledgerPath: '/ledger', retrySeconds: 1 },
      versionsPerHour: 10_000,
      readers: openTestReaders(),
    },
    { onSent: ignore, onMarked: ignore, onGone: ignore, onBytes: ignore, onChange: ignore, log: ignore },
  )
  onTestFinished(() => dispatcher.stop())
  dispatcher.configure([{ id: 's', path: root, name: 's', groupWriteMark: false, paused: false }], false)
  dispatcher.setSession(session)
  const at = (name: string) => path.join(root, name)
  return {
    at,
    log,
    told,
    write(name: string, bytes: Uint8Array) {
      writeFileSync(at(name), bytes, { mode: 0o640 })
      utimesSync(at(name), SECOND, SECOND)
    },
    offer: () => void ledger.offer('d', listFoundFiles(root, 's')),
    /** Everything that is there now is offered, and sent. */
    async send() {
      ledger.offer('d', listFoundFiles(root, 's'))
      dispatcher.wake()
      await until('all is sent', () => ledger.totals('d').s?.waitingFiles === 0)
    },
  }
}

const sizes = [
  ['small', 1_000],
  ['large', 300_000],
] as const

test.each(sizes)(
  'copies: a %s file with only a new mode is sent as a copy of itself, without content',
  async (_, size) => {
    const { at, log, write, send } = setUp()
    write('a', Buffer.alloc(size, 1))
    await send()
    chmodSync(at('a'), 0o600)
    await send()
    expect(log).toEqual(['content a', 'copy a of a, 600'])
  },
)

test.each(sizes)(
  'touch: a %s file with only a new time is sent without content, also the second time',
  async (_, size) => {
    const { at, log, write, send } = setUp()
    write('a', Buffer.alloc(size, 1))
    await send()
    for (const later of [10, 20]) {
      utimesSync(at('a'), SECOND + later, SECOND + later)
      await send()
    }
    expect(log).toEqual(['content a', 'copy a of a, 640', 'copy a of a, 640'])
  },
)

test.each(sizes)(
  'touch: a %s file rewritten with equal size is sent with content, even back to its first content',
  async (_, size) => {
    const { at, log, write, send } = setUp()
    write('a', Buffer.alloc(size, 1))
    await send()
    for (const [count, byte] of [2, 1].entries()) {
      write('a', Buffer.alloc(size, byte))
      utimesSync(at('a'), SECOND + count + 1, SECOND + count + 1)
      await send()
    }
    expect(log).toEqual(['content a', 'content a', 'content a'])
  },
)

test.each(sizes)(
  'touch: a %s file that is touched during its transfer is sent with content only once',
  async (_, size) => {
    const touched: { at?: (name: string) => string; offer?: () => void } = {}
    const { at, log, write, send, offer } = setUp({}, true, () => {
      const file = touched.at?.('a')
      if (file === undefined) return
      delete touched.at
      utimesSync(file, SECOND + 5, SECOND + 5)
      touched.offer?.()
    })
    Object.assign(touched, { at, offer })
    write('a', Buffer.alloc(size, 1))
    await send()
    expect(log).toEqual(['content a', 'copy a of a, 640'])
  },
)

test.each(sizes)(
  'copies: a %s file that was rewritten is sent with content, even with its old time',
  async (_, size) => {
    const { log, write, send } = setUp()
    write('a', Buffer.alloc(size, 1))
    await send()
    write('a', Buffer.alloc(size, 2))
    await send()
    expect(log).toEqual(['content a', 'content a'])
  },
)

test.each(sizes)(
  'copies: a new name of a %s file is sent as a move if the old name is gone, otherwise as a copy',
  async (_, size) => {
    const { at, log, told, write, send } = setUp()
    write('a', Buffer.alloc(size, 1))
    write('b', Buffer.alloc(size, 2))
    await send()
    mkdirSync(at('to'))
    renameSync(at('a'), at('to/new'))
    linkSync(at('b'), at('link'))
    await send()
    // The link changes both names' inode.
    expect(log.slice(2).sort()).toEqual([
      'copy b of b, 640',
      'copy link of b, 640',
      'copy to/new of a, moved, 640',
    ])
    expect(told).toEqual(['to/new: to'])
  },
)

test.each(sizes)(
  'copies: a destination that copies only under the same name gets the content of a renamed %s file',
  async (_, size) => {
    const { at, log, write, send } = setUp({ copies: 'own' })
    write('a', Buffer.alloc(size, 1))
    await send()
    renameSync(at('a'), at('new'))
    await send()
    chmodSync(at('new'), 0o600)
    await send()
    expect(log).toEqual(['content a', 'content new', 'copy new of new, 600'])
  },
)

test.each(sizes)(
  'copies: an encrypting destination is asked to copy a %s file only if just its mode changed',
  async (_, size) => {
    const { at, log, write, send } = setUp({ copies: 'trusted', asksFirst: true })
    write('a', Buffer.alloc(size, 1))
    await send()
    chmodSync(at('a'), 0o600)
    await send()
    write('a', Buffer.alloc(size, 2))
    await send()
    // Until an answer says so, the destination may have either content.
    expect(log).toEqual(['content a', 'copy a of a, 600', 'content a'])
  },
)

test.each(sizes)(
  'copies: a destination without support for copies is never asked to copy a %s file',
  async (_, size) => {
    const { at, log, write, send } = setUp({ copies: 'none', asksFirst: true })
    write('a', Buffer.alloc(size, 1))
    await send()
    chmodSync(at('a'), 0o600)
    await send()
    expect(log).toEqual(['content a', 'content a'])
  },
)

test.each(sizes)(
  'copies: a %s file that the receiver cannot copy is sent with content after the request',
  async (_, size) => {
    const { at, log, write, send } = setUp({}, false)
    write('a', Buffer.alloc(size, 1))
    await send()
    chmodSync(at('a'), 0o600)
    await send()
    expect(log).toEqual(['content a', 'copy a of a, 600', 'content a'])
  },
)

test.each(sizes)(
  'copies: a receiver that has files already is asked for a %s file before its content is sent',
  async (_, size) => {
    const { log, write, send } = setUp({ asksFirst: true })
    write('a', Buffer.alloc(size, 1))
    await send()
    expect(log).toEqual(['copy a of a, 640'])
  },
)
