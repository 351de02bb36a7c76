import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { DestinationEvents } from '../../../core/backends/destination.ts'
import { BackendError } from '../../../core/backends/errors.ts'
import type { ObjectStore } from '../../../core/backends/objects/object-store.ts'
import { openObjects } from '../../../core/backends/objects/objects.ts'
import type { openDestination } from '../../../core/backends/open.ts'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { openDelivery } from '../../../core/send/delivery.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { DEFAULT_KEEP } from '../../../core/store/retention/retention.ts'
import { open } from '../../support/store/ledger.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { until } from '../../support/until.ts'

let events: DestinationEvents | null = null
vi.mock('../../../core/backends/open.ts', () => ({
  openDestination: ((_destination, _options, given) => {
    events = given
    return { stop: () => undefined }
  }) satisfies typeof openDestination,
}))

const folder = {
  id: 'd',
  kind: 'folder',
  name: 'disk',
  path: '/disk',
  recipient: null,
  hideNames: false,
} as const
const ignore = () => undefined

test('delivery: a query of free space that fails or has no answer is repeated', async () => {
  const { directory, ledger } = open()
  const identity = await loadIdentity(directory)
  const config = {
    ...{ identityDirectory: directory, ledgerPath: directory, destination: folder, sources: [], secrets: {} },
    ...{ paused: false, ...sendingSettingsSchema.parse({ retrySeconds: 1 }), keep: defaultSettings.keep },
    limit: { bytesPerSecond: null, schedule: [] },
  }
  const onSpace = vi.fn()
  const none = { onSent: ignore, onMarked: ignore, onGone: ignore, onBytes: ignore, onChange: ignore }
  const delivery = openDelivery(
    config,
    {
      ...{ ledger, identity, bucket: new Bucket(), readers: openTestReaders() },
      ...{ storeThread: new URL('file:///none'), status: () => null },
    },
    { ...none, log: ignore, onState: ignore, onNotice: ignore, onSpace },
  )
  onTestFinished(() => delivery.stop())
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const answers = [new Error('busy'), null, { free: 1, total: 2 }]
  events?.onSession(
    fakeSession({
      async space() {
        const answer = answers.shift() ?? null
        if (answer instanceof Error) throw answer
        return answer
      },
    }),
  )
  await vi.advanceTimersByTimeAsync(130_000)
  expect(onSpace.mock.calls).toEqual([[{ free: 1, total: 2 }]])
})

test('object store: a session that is stopped while it opens starts no timer', async () => {
  const { promise: gate, resolve: goOn } = Promise.withResolvers<void>()
  let isAsked = false
  const fake: Partial<ObjectStore> = {
    can: { parallel: 1, durable: true, dates: true, vanish: false },
    above: async () => null,
    // biome-ignore lint/correctness/useYield: there is none
    async *read() {
      isAsked = true
      await gate
      throw new BackendError('absent', 'none')
    },
    put: async () => undefined,
    sweep: async () => undefined,
    ended: new Promise(() => undefined),
    close: ignore,
  }
  const welcome = vi.fn(async () => ({ asksFirst: false, notice: null }))
  const destination = openObjects(
    {
      destination: { ...folder, folder: 'pc' },
      identity: await loadIdentity(temporaryDirectory('identity')),
      ...{ name: 'pc', secrets: {}, retrySeconds: 1, keep: DEFAULT_KEEP, bucket: new Bucket() },
      sessions: { hello: () => null, welcome, offerAgain: () => 0 },
    },
    {
      address: 'cloud',
      reach: async () => ({ store: fake as ObjectStore, localAddress: null, isToItself: false }),
    },
    {
      ...{ onSession: ignore, onState: ignore, onTrouble: ignore, onNotice: ignore, onWanted: ignore },
      log: ignore,
    },
  )
  await until('the store is asked', () => isAsked)
  const timers = vi.spyOn(globalThis, 'setInterval')
  onTestFinished(() => timers.mockRestore())
  await destination.stop()
  goOn()
  await until('it was opened all the same', () => welcome.mock.calls.length > 0)
  await turn()
  expect(timers).not.toHaveBeenCalled()
})
