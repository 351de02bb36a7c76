// A real store of objects at which each single call goes wrong once: before it did anything, and after it did all.

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BackendErrorKind } from '../../../core/backends/errors.ts'

import { openObjects, type ReachedStore } from '../../../core/backends/objects/objects.ts'
import { getObjectKind, type openDestination } from '../../../core/backends/open.ts'
import { drive } from '../../support/destinations/drive.ts'
import { type Calls, faultyStore, type StoreTrouble } from '../../support/destinations/faulty-store.ts'
import type { Place } from '../../support/destinations/kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { chooseCases } from '../../support/long.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'

const AT_A_TIME = 8
const MIB = 1024 * 1024

/** Two contents of each: a newer one replaces the older one. */
const files = [
  { path: 'd/small', contents: [randomBytes(900), randomBytes(1100)] },
  { path: 'd/large', contents: [randomBytes(MIB + 5), randomBytes(MIB + 99)] },
]

const reach = (place: Place, signal: AbortSignal): Promise<ReachedStore> => {
  const settings = place.settings()
  if (settings.kind === 'receiver' || settings.kind === 'folder') throw new Error('it has no objects')
  return getObjectKind(settings).reach(settings.folder, place.secrets, signal)
}

/** Sends all with one call that goes wrong; how often it was asked to send a file. */
async function sendAll(place: Place, trouble: StoreTrouble | null, delayMs = 0) {
  const calls: Calls = { count: 0, failed: null }
  const open: typeof openDestination = (settings, options, events) => {
    if (settings.kind === 'receiver' || settings.kind === 'folder') throw new Error('it has no objects')
    const kind = {
      address: 'there',
      async reach(_folder: string, _secrets: unknown, signal: AbortSignal) {
        const reached = await reach(place, signal)
        return { ...reached, store: faultyStore(reached.store, calls, trouble, delayMs) }
      },
    }
    return openObjects({ destination: settings, ...options }, kind, events)
  }
  const home = await makeHome(temporaryDirectory('each-step'))
  const driver = drive(home, place.settings(), place.secrets, { open, isPatient: true })
  for (const { path, contents } of files)
    for (const [index, bytes] of contents.entries()) {
      const mtimeNs = BigInt(1_700_000_000 + index) * 1_000_000_000n
      let tries = 0
      for (let isThere = false; !isThere; ) {
        tries += 1
        expect(tries, `${calls.failed} for ${path}`).toBeLessThan(4)
        const answer = await driver.send(path, bytes, { mtimeNs }, `${path} ${index}`)
        isThere = answer.kind === 'stored'
        // What is said to be there has to be there at once.
        if (isThere) expect((await place.file('data', path))?.bytes.equals(bytes)).toBe(true)
      }
    }
  driver.stop()
  return calls
}

async function expectAll(place: Place, what: string) {
  for (const { path, contents } of files) {
    const [older, newer] = contents
    expect((await place.file('data', path))?.bytes.equals(newer ?? older ?? randomBytes(1)), what).toBe(true)
    const kept = await place.older('data', path)
    expect({ what, path, older: kept.some((bytes) => bytes.equals(older ?? bytes)) }).toEqual({
      what,
      path,
      older: true,
    })
  }
}

describe.each(chooseCases([sftpKind, s3Kind('ceph'), webdavKind], 2))(
  '$name destination with a failing or slow store',
  (kind) => {
    beforeAll(() => kind.start?.())
    afterAll(() => kind.stop?.())

    const openPlace = async () => kind.open(await makeHome(temporaryDirectory('each-step-place')))

    test('each store call may fail once without a lost file, a lost version or an early durable result', async () => {
      const { count } = await sendAll(await openPlace(), null)
      expect(count).toBeGreaterThan(15)
      const troubles: StoreTrouble[] = []
      for (let at = 1; at <= count; at += 1)
        for (const [fault, isDone] of [
          ['failed', false],
          ['lost', true],
        ] satisfies [BackendErrorKind, boolean][])
          troubles.push({ at, kind: fault, isDone })
      const run = async () => {
        for (let trouble = troubles.pop(); trouble !== undefined; trouble = troubles.pop()) {
          const place = await openPlace()
          const { failed } = await sendAll(place, trouble)
          await expectAll(place, `${trouble.at}, ${failed}, ${trouble.kind}`)
        }
      }
      await Promise.all(Array.from({ length: AT_A_TIME }, run))
    })

    test('a slow store receives all files and versions and keeps no partial files', async () => {
      const place = await openPlace()
      await sendAll(place, null, 40)
      await expectAll(place, 'slow')
      expect(await place.leftOvers()).toEqual([])
    })
  },
)
