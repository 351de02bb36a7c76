// Each kind of destination gets lost contents back from the other kinds, and they stand for the time before, too. Healing
// between receivers and folders: heal.test.ts.
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { hiddenKind } from '../../support/destinations/encrypted-kind.ts'
import { type Damage, flipBit, type Place } from '../../support/destinations/kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const LONG_MS = 90_000
vi.setConfig({ testTimeout: LONG_MS * 3, hookTimeout: LONG_MS })

const servers = [sftpKind, s3Kind('ceph'), webdavKind]
const sealed = hiddenKind(sftpKind)
const kinds = [...servers, sealed]
beforeAll(async () => {
  for (const kind of servers) await kind.start?.()
})
afterAll(async () => {
  for (const kind of servers) await kind.stop?.()
})

const damages: Record<string, Damage> = {
  changed: flipBit,
  truncated: (bytes) => bytes.subarray(0, bytes.length - 20),
  removed: () => null,
  /** It is sent and fetched in pieces. */
  large: flipBit,
}
const EVERYWHERE = 'damaged everywhere'
const SENT_AGAIN = 'sent again'
const only = (name: string) => `only at ${name}`
const toId = (name: string) => `d${kinds.findIndex((kind) => kind.name === name)}`
const MTIME_S = 1_700_000_000n

test('healing: each kind of destination gets changed, truncated and removed files back, from each kind or their source, also for an earlier time, and nothing is overwritten with damage that all share', async () => {
  const [data, source] = [temporaryDirectory('heal-data'), temporaryDirectory('heal-source')]
  const home = await makeHome(data)
  const places = new Map<string, Place>()
  for (const kind of kinds) places.set(kind.name, await kind.open(home))
  const contents = new Map<string, Buffer>()
  for (const directory of [EVERYWHERE, SENT_AGAIN, ...kinds.map(({ name }) => only(name))])
    for (const form of Object.keys(damages)) {
      const [name, bytes] = [
        `${directory}/${form}`,
        Buffer.alloc(form === 'large' ? 2_000_000 : 500, directory),
      ]
      contents.set(name, bytes)
      mkdirSync(path.join(source, directory), { recursive: true })
      writeFileSync(path.join(source, name), bytes, { mode: 0o640 })
      utimesSync(path.join(source, name), Number(MTIME_S), Number(MTIME_S))
    }
  const settings = {
    sources: [{ id: 's', path: source, name: 'data' }],
    destinations: [...places].map(([name, place]) => ({ ...place.settings(), id: toId(name), name })),
    send: { retrySeconds: 1 },
    check: { intervalSeconds: 1 },
  }
  const owners = Object.fromEntries(
    [...places].map(([name, { secrets }]) => {
      const fields = Object.entries(secrets).map(([field, plain]) => [field, { plain }])
      return [toId(name), Object.fromEntries(fields)]
    }),
  )
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  writeFileSync(path.join(data, 'secrets.json'), JSON.stringify({ version: 2, owners }), { mode: 0o600 })
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true, LONG_MS)
  const areAt = (count: 'sentFiles' | 'deletedFiles') =>
    untilState(
      data,
      `${count} everywhere`,
      ({ destinations }) => destinations.every(({ totals }) => totals[count] === contents.size),
      LONG_MS,
    )
  await areAt('sentFiles')
  const run = async (...words: string[]) => {
    const command = startHoldfast([...words, '--json', '--data', data])
    expect(await command.ended(LONG_MS), command.err()).toBe(1)
    const lines = command.out().trim().split('\n')
    return lines.map((line) => JSON.parse(line))
  }
  const before = new Date().toISOString()
  const eachCopy = (
    work: (copy: { name: string; place: Place; file: string; bytes: Buffer }) => Promise<void>,
  ) =>
    Promise.all(
      [...places].flatMap(([name, place]) =>
        [...contents].map(([file, bytes]) => work({ name, place, file, bytes })),
      ),
    )
  await eachCopy(async ({ place, file }) => {
    if (file.startsWith(`${SENT_AGAIN}/`)) await place.damage('data', file, damages[path.basename(file)])
  })
  await run('verify', '--sample')
  await eachCopy(async ({ name, place, file, bytes }) => {
    await until(`${file} at ${name}`, async () => {
      const there = await place.file('data', file).catch(() => null)
      return there?.bytes.equals(bytes) === true
    })
  })
  await areAt('sentFiles')
  for (const name of contents.keys()) rmSync(path.join(source, name))
  await areAt('deletedFiles')
  const isIntact = (name: string, file: string) => file.startsWith(`${only(name)}/`)
  await eachCopy(async ({ name, place, file }) => {
    if (!isIntact(name, file) && !file.startsWith(`${SENT_AGAIN}/`))
      await place.damage('data', file, damages[path.basename(file)])
  })

  const forms = Object.keys(damages).length
  const first = sftpKind.name
  const keyFile = path.join(temporaryDirectory('heal-key'), 'key.txt')
  writeFileSync(keyFile, places.get(sealed.name)?.identity ?? '')
  // Only the first one's damage is known: the others seem to have contents that they lost, too.
  expect(await run('verify', '--sample', first)).toMatchObject([
    { damaged: kinds.length * (forms - 1), missing: kinds.length },
  ])
  const [closed] = await run('verify', '--repair', first)
  expect(closed).toMatchObject({ failed: 2 * forms })
  expect(closed.failures).toMatchObject(
    Array(2 * forms).fill({ key: 'heal.needsIdentity', params: { name: sealed.name, word: first } }),
  )
  const [opened] = await run('verify', '--repair', first, '--identity-file', keyFile)
  expect(opened).toMatchObject({ failed: forms })
  const damagedThere = { key: 'heal.damagedThere', params: { name: sealed.name } }
  const missingThere = { key: 'heal.notFetched', params: { name: sealed.name, reason: 'ENOENT' } }
  expect(opened.failures).toMatchObject([damagedThere, damagedThere, missingThere, damagedThere])

  await run('verify', '--sample')
  const nowhere = { failed: forms, failures: Array(forms).fill({ key: 'heal.nowhere' }) }
  expect(await run('verify', '--repair')).toMatchObject(kinds.map(({ name }) => ({ name, ...nowhere })))
  await eachCopy(async ({ name, place, file, bytes }) => {
    const what = `${file} at ${name}`
    const isShared = file.startsWith(EVERYWHERE)
    const isStoredAgain = !isShared && !isIntact(name, file)
    const isSetAside = isStoredAgain && path.basename(file) !== 'removed'
    // Damaged contents that are encrypted cannot be opened.
    const older = await place.older('data', file).catch(() => [null])
    expect(older.length, what).toBe(isSetAside ? 1 : 0)
    const there = await place.file('data', file).catch(() => null)
    if (isShared) expect(there?.bytes.equals(bytes), what).not.toBe(true)
    else expect(there, what).toEqual({ ...there, bytes, mode: 0o640, mtimeNs: MTIME_S * 1_000_000_000n })
  })
  for (const [name, place] of places) {
    expect(await place.leftOvers()).toEqual([])
    const [to, from] = [temporaryDirectory('heal-restored'), ['restore', '--from', name, '--data', data]]
    const identity = place.identity === undefined ? [] : ['--identity-file', keyFile]
    const restoring = startHoldfast([...from, 'data', '--at', before, '--to', to, ...identity])
    await restoring.ended(LONG_MS)
    for (const [file, bytes] of contents)
      if (!file.startsWith(EVERYWHERE))
        expect(readFileSync(path.join(to, file)).equals(bytes), `${file} from ${name}`).toBe(true)
    const listing = startHoldfast([...from, `data/${SENT_AGAIN}/changed`, '--list', '--json', ...identity])
    expect(await listing.ended(LONG_MS), listing.err()).toBe(0)
    const last = listing.out().trim().split('\n').at(-1) ?? ''
    expect(JSON.parse(last), name).toMatchObject({ type: 'summary', files: 1 })
  }
})
