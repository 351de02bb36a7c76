import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { OpenDestination, Session } from '../../../core/backends/destination.ts'
import { BackendError } from '../../../core/backends/errors.ts'
import { claimFolder } from '../../../core/backends/objects/folder-owner.ts'
import { openObjects, testObjects } from '../../../core/backends/objects/objects.ts'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { DEFAULT_KEEP } from '../../../core/store/retention/retention.ts'
import { memoryObjects } from '../../support/destinations/memory-objects.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const OWNER = 'pc/.holdfast/owner.json'
/** As in objects.ts. */
const [OWNER_EVERY_MS, SWEEP_EVERY_MS, LOCK_EVERY_MS] = [60_000, 600_000, 6 * 3_600_000]
const { signal } = new AbortController()

/** Replaces the intervals: `tick` calls the functions of all that have this length and were not ended. */
function holdIntervals() {
  const running = new Map<NodeJS.Timeout, { run: () => void; ms: number }>()
  const set = vi.spyOn(globalThis, 'setInterval').mockImplementation(((run: () => void, ms: number) => {
    const timer = setTimeout(() => undefined, 0)
    running.set(timer, { run, ms })
    return timer
  }) as typeof setInterval)
  const clear = vi.spyOn(globalThis, 'clearInterval').mockImplementation((timer) => {
    running.delete(timer as NodeJS.Timeout)
  })
  onTestFinished(() => {
    set.mockRestore()
    clear.mockRestore()
  })
  return async (ms: number) => {
    for (const one of [...running.values()]) if (one.ms === ms) one.run()
    for (let count = 0; count < 5; count += 1) await turn()
  }
}

/** Keeps a session with a store in memory open. */
async function begin({ isDurable = true } = {}) {
  const memory = memoryObjects()
  memory.store.can.durable = isDurable
  const identity = await loadIdentity(temporaryDirectory('identity'))
  const tick = holdIntervals()
  const notices: string[] = []
  const log: string[] = []
  const sessions: (Session | null)[] = []
  const states: string[] = []
  const sweep = vi.fn(async () => undefined)
  Object.assign(memory.store, { sweep })
  const destination: OpenDestination = openObjects(
    {
      destination: { name: 'cloud', folder: 'pc', recipient: null, hideNames: false },
      ...{ identity, name: 'pc', secrets: {}, retrySeconds: 0.001, keep: DEFAULT_KEEP, bucket: new Bucket() },
      sessions: {
        hello: () => null,
        welcome: async () => ({ asksFirst: false, notice: null }),
        offerAgain: () => 0,
      },
    },
    {
      address: 'cloud:/',
      reach: async () => ({ store: memory.store, localAddress: null, isToItself: false }),
    },
    {
      onSession: (session) => sessions.push(session),
      onState: (state) => states.push(state),
      onNotice: ({ key }) => notices.push(key),
      ...{ onTrouble: () => undefined, onWanted: () => undefined, log: (_, text) => log.push(text) },
    },
  )
  onTestFinished(() => void destination.stop())
  await until('the session', () => sessions.length === 1)
  return { ...memory, destination, notices, log, sessions, states, sweep, tick }
}

test('object store: a session ends once its folder belongs to another computer or is gone', async () => {
  const { objects, sessions, states, tick } = await begin()
  await tick(OWNER_EVERY_MS)
  expect(sessions).toHaveLength(1)
  const [session] = sessions
  objects.delete(OWNER)
  await tick(OWNER_EVERY_MS)
  expect(sessions.slice(0, 2)).toEqual([session, null])
  expect(session?.closed).toBe(true)
  expect(states).toContain('unreachable')
})

test('object store: a check of the owner that has no answer ends no session', async () => {
  const { state, sessions, tick } = await begin()
  state.before = (call) => {
    if (call === 'read') throw new BackendError('failed', 'busy')
  }
  await tick(OWNER_EVERY_MS)
  expect(sessions).toHaveLength(1)
})

test('object store: left-overs are swept at the beginning and then every ten minutes, until the end', async () => {
  const { destination, sweep, calls, sessions, tick } = await begin()
  expect(sweep).toHaveBeenCalledOnce()
  await tick(SWEEP_EVERY_MS)
  expect(sweep).toHaveBeenCalledTimes(2)
  await destination.stop()
  await until('its end', () => sessions.at(-1) === null)
  expect(sessions[0]?.closed).toBe(true)
  expect(calls).toContain('close ')
  const before = calls.length
  for (const ms of [OWNER_EVERY_MS, SWEEP_EVERY_MS, LOCK_EVERY_MS]) await tick(ms)
  expect(sweep).toHaveBeenCalledTimes(2)
  expect(calls).toHaveLength(before)
})

test('object store: locks are renewed every six hours; a refusal is told once, another error is logged', async () => {
  const renewed: string[] = []
  const { store, notices, log, tick } = await begin()
  store.renewLock = async (name) => void renewed.push(name)
  await tick(LOCK_EVERY_MS)
  expect(renewed).toEqual([OWNER])
  store.renewLock = async () => {
    throw new BackendError('denied', 'AccessDenied')
  }
  for (let count = 0; count < 2; count += 1) await tick(LOCK_EVERY_MS)
  expect(notices).toEqual(['transfer.objects.lockNotRenewed'])
  store.renewLock = async () => {
    throw new BackendError('failed', 'busy')
  }
  await tick(LOCK_EVERY_MS)
  expect(log.filter((line) => line.includes('locks'))).toHaveLength(1)
  expect(notices).toHaveLength(1)
})

test('object store: a store that may lose files is told of once, over all its sessions', async () => {
  const { notices, objects, sessions, tick } = await begin({ isDurable: false })
  objects.delete(OWNER)
  await tick(OWNER_EVERY_MS)
  await until('the next session', () => sessions.length > 2)
  expect(notices).toEqual(['transfer.objects.notDurable'])
  expect((await begin()).notices).toEqual([])
})

const claim = {
  ...{ folder: 'pc', fingerprint: 'mine', computer: 'pc', at: 'cloud' },
  ...{ isKnown: false, recipient: null, hideNames: false },
}
const sentence = (key: string) => ({ sentence: expect.objectContaining({ key }) })

test('folder of a computer: it is claimed once, and another computer is refused', async () => {
  const { store, list } = memoryObjects()
  const first = await claimFolder(store, claim, signal)
  expect([first.isNew, first.keepsAll, await first.isSame()]).toEqual([true, false, true])
  const again = await claimFolder(store, { ...claim, isKnown: true }, signal)
  expect([again.isNew, again.epoch]).toEqual([false, first.epoch])
  const before = list()
  const other = { ...claim, fingerprint: 'other', computer: 'laptop' }
  await expect(claimFolder(store, other, signal)).rejects.toMatchObject(sentence('transfer.objects.foreign'))
  expect(list()).toEqual(before)
})

test('folder of a computer: one that has vanished from a disk is not begun again, one of a cloud is', async () => {
  const known = { ...claim, isKnown: true }
  const { store, list } = memoryObjects()
  store.can.vanish = true
  await expect(claimFolder(store, known, signal)).rejects.toMatchObject(sentence('transfer.objects.vanished'))
  expect(list()).toEqual({})
  store.can.vanish = false
  expect((await claimFolder(store, known, signal)).isNew).toBe(true)
})

test('folder of a computer: one inside another one, with another encryption, or a broken owner is refused', async () => {
  const { store, place } = memoryObjects()
  await claimFolder(store, claim, signal)
  await expect(claimFolder(store, { ...claim, recipient: 'age1x' }, signal)).rejects.toThrow()
  place(OWNER, '{')
  await expect(claimFolder(store, claim, signal)).rejects.toMatchObject(
    sentence('transfer.objects.ownerBroken'),
  )
  store.above = async () => '/srv/other'
  await expect(claimFolder(store, claim, signal)).rejects.toMatchObject(sentence('transfer.objects.inside'))
})

test('folder of a computer: each source gets a directory, at the same time as well, and keeps it', async () => {
  const { store, calls, state } = memoryObjects()
  const own = await claimFolder(store, claim, signal)
  const ids = ['a', 'b', 'a', 'c']
  const directories = await Promise.all(ids.map((id) => own.getDirectory({ id, name: 'data' })))
  expect(directories[2]).toBe(directories[0])
  expect(new Set(directories).size).toBe(3)
  const again = await claimFolder(store, claim, signal)
  const before = calls.length
  expect(await Promise.all(ids.map((id) => again.getDirectory({ id, name: 'new' })))).toEqual(directories)
  expect(calls).toHaveLength(before)
  // A directory that could not be recorded is not used, and the next attempt records it.
  state.before = (call) => {
    if (call === 'put') throw new BackendError('failed', 'busy')
  }
  await expect(again.getDirectory({ id: 'd', name: 'data' })).rejects.toThrow(BackendError)
  state.before = () => undefined
  const late = await again.getDirectory({ id: 'd', name: 'data' })
  expect(await (await claimFolder(store, claim, signal)).getDirectory({ id: 'd', name: 'x' })).toBe(late)
})

test('folder of a computer: once it keeps all versions it does so for ever, and records it once', async () => {
  const { store, calls } = memoryObjects()
  const own = await claimFolder(store, claim, signal)
  await Promise.all([own.keepAll(), own.keepAll()])
  expect(own.keepsAll).toBe(true)
  expect(calls.filter((call) => call.startsWith('put'))).toHaveLength(2)
  expect((await claimFolder(store, claim, signal)).keepsAll).toBe(true)
})

test('test of an object store: it stores, reads and removes a file, and closes the connection', async () => {
  const { store, calls, list, state } = memoryObjects()
  const identity = await loadIdentity(temporaryDirectory('identity'))
  const run = () =>
    testObjects(
      { name: 'cloud', folder: 'pc' },
      {
        address: 'cloud:/',
        reach: async () => ({ store, localAddress: null, isToItself: false, hostKey: 'key' }),
      },
      { identity, name: 'pc', secrets: {}, signal },
    )
  const found = await run()
  expect(found).toMatchObject({
    works: true,
    found: { durable: true, hostKey: 'key' },
    sentence: { key: 'test.works' },
  })
  expect(list()).toEqual({})
  await until('it is closed', () => calls.includes('close '))
  const notes = ({ found: { notes: all } }: Awaited<ReturnType<typeof run>>) => all.map(({ key }) => key)
  expect(notes(found)).not.toContain('test.keepsAll')
  state.before = (call) => {
    if (call === 'remove') throw new BackendError('denied', 'AccessDenied')
  }
  store.can.durable = false
  expect(notes(await run())).toEqual(['test.keepsAll', 'transfer.objects.notDurable'])
})
