// Files that are replaced while the sender is killed, the connection is cut, or the destination is full.
import { randomFillSync } from 'node:crypto'
import { readFileSync, renameSync, rmSync, watch as watchDirectory } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { LibrarySettings } from '../../../core/backends/backend-messages.ts'
import { openLibrary } from '../../../core/backends/open.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest, digestText } from '../../../core/platform/digest.ts'
import { readPages } from '../../../core/restore/choose.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import type { RestoreEvent } from '../../../core/restore/write/events.ts'
import { encryptedKind, hiddenKind } from '../../support/destinations/encrypted-kind.ts'
import { folderKindOf } from '../../support/destinations/folder-kind.ts'
import type { Place, TestedKind } from '../../support/destinations/kind.ts'
import { receiverProcessKind } from '../../support/destinations/receiver-kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { chooseCases, chooseLength } from '../../support/long.ts'
import { repeat } from '../../support/repeat.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  createRandom,
  DESTINATION,
  type Home,
  listFoundFiles,
  makeHome,
  newSeed,
  readTree,
  SOURCE,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** What is on its way is waited for so long before the fault comes anyhow. */
const PATIENCE_MS = 400
/** Room for the older versions of a whole test. */
const MEGABYTES = chooseLength(64, 256)
const MEGABYTES_FOR_STEPS = chooseLength(64, 512)
/** The proxy of a small bucket counts all that was ever stored. */
const BUCKET_MEGABYTES = 4_096
const KIB = 1024
const { signal } = new AbortController()

/** `npm run test:full` runs the first three. */
const kinds: readonly TestedKind[] = chooseCases(
  [
    ...[sftpKind, webdavKind, s3Kind('ceph')],
    ...[folderKindOf(hostname()), receiverProcessKind, encryptedKind(sftpKind), hiddenKind(webdavKind)],
  ],
  3,
)
/** Rounds of a kind: 588 for all kinds in `npm run test:long`. */
const ROUNDS = chooseLength(2, 84)
/** A replacement is interrupted at so many of its steps; at each one, and by each fault, in `npm run test:long`. */
const STEPS = chooseLength(2, Infinity)
/** So many replacements in a row were over before the next step: there is none. */
const MISSES = 3
/** A small file, and one that is sent in pieces. */
const interrupted = chooseCases(
  [
    ['small', 40 * KIB],
    ['large', 1_100 * KIB],
  ] as const,
  1,
)

const names = ['a', 'd/b', 'd/c', 'd/e/f', 'g', 'large']
const digestOf = (bytes: Uint8Array) => digestText(computeDigest(bytes))

/** The files of a source, of which each has at any time an older and a newer content. */
function createFiles(home: Home, random: () => number) {
  /** The contents that a name may have at the destination, oldest first: it never has an older one again. */
  const allowed = new Map<string, Set<string>>(names.map((name) => [name, new Set()]))
  const digestHere = (name: string) => digestOf(readFileSync(path.join(home.source, name)))
  return {
    allowed,
    digestHere,
    replace(name: string, bytesOrAny: number | null = null) {
      const any = name === 'large' ? 1200 * KIB + random() * 900 * KIB : random() ** 3 * 900 * KIB
      const size = bytesOrAny ?? any
      const bytes = randomFillSync(Buffer.alloc(Math.floor(size) + 1))
      writeFile(home.directory, 'aside', bytes)
      writeFile(home.source, name, '')
      renameSync(path.join(home.directory, 'aside'), path.join(home.source, name))
      allowed.get(name)?.add(digestOf(bytes))
    },
    /** A content was there: none from before it may come back. */
    settle(name: string, digest: string) {
      const all = [...(allowed.get(name) ?? [])]
      allowed.set(name, new Set(all.slice(all.indexOf(digest))))
    },
  }
}

/** Lists and restores everything; gives the digest of each file by its path. */
async function restoreAll(from: LibrarySettings, to: string) {
  const library = await openLibrary(from, signal)
  try {
    const choice = { folder: null, path: null, version: null, at: null }
    const listed: string[] = []
    for await (const { contents } of readPages(library, { ...choice, text: null, isList: false }))
      listed.push(...contents.map((one) => one.path))
    const entries = await library.entries({ folder: 'data', directory: 'd', after: null })
    const failed: RestoreEvent[] = []
    const event = async (one: RestoreEvent) => void (one.kind === 'restored' || failed.push(one))
    const wanted = { choice, destination: to, placement: 'bare', conflict: 'leave' } as const
    await restoreFrom(library, [wanted], { event, progress: () => undefined }, signal)
    const restored = Object.keys(readTree(path.join(to, 'data')))
    const digests = restored.map((name) => [name, digestOf(readFileSync(path.join(to, 'data', name)))])
    return {
      listed: listed.sort(),
      inDirectory: entries.entries.map(({ name }) => name).sort(),
      failed,
      digests: new Map(digests as [string, string][]),
    }
  } finally {
    library.close()
    rmSync(to, { recursive: true, force: true })
  }
}

/** A name that is exchanged at this moment may be without its file only if the store cannot exchange files. */
async function digestAt(place: Place, name: string): Promise<string | null> {
  try {
    const there = await place.file('data', name)
    return there === null ? null : digestOf(there.bytes)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** A sender that may be killed, and a destination behind a relay that may be filled. */
async function setUp(kind: TestedKind, megabytes: number) {
  const seed = newSeed(`replaced files at ${kind.name}`)
  const home = await makeHome(temporaryDirectory('replaced'))
  const place = await kind.open(home, {
    megabytes: kind.name.startsWith('s3') ? BUCKET_MEGABYTES : megabytes,
  })
  const relay = place.port === undefined ? null : await startRelay(place.port)
  const config = {
    ...senderConfig(home, { port: 1, fingerprint: home.identity.fingerprint }, { retrySeconds: 0.05 }),
    versionsPerHour: 3_600,
    destination: { ...place.settings(relay?.port), id: DESTINATION },
    secrets: place.secrets,
  }
  const from: LibrarySettings = {
    ...{ destination: { ...place.settings(), id: DESTINATION }, secrets: place.secrets },
    ...{ identityDirectory: home.identityDirectory, name: hostname(), computer: null },
    key: place.identity ?? null,
  }
  const start = () => {
    const started = startTestSender()
    started.configure(config)
    return started
  }
  let sender = start()
  const ledger = openLedger(home.ledgerPath)
  onTestFinished(() => ledger.close())
  return {
    ...{ seed, random: createRandom(seed), home, place, relay },
    restoreAll: () => restoreAll(from, path.join(home.directory, 'back')),
    offer() {
      ledger.offer(DESTINATION, listFoundFiles(home.source))
      sender.nudge()
    },
    kill: () => sender.kill(),
    signal: (name: 'SIGSTOP' | 'SIGCONT') => void sender.process.kill(name),
    restart() {
      sender = start()
    },
    isConnected: () => until('it is connected', () => sender.report()?.connection.state === 'connected'),
    async allSent() {
      const isSent = () => {
        sender.nudge()
        const total = ledger.totals(DESTINATION)[SOURCE]
        return total?.sentFiles === names.length && total.waitingFiles === 0
      }
      await until(`all to be sent, seed ${seed}`, isSent).catch((error) => {
        throw new Error(`${error}: ${JSON.stringify(sender.report())}; ${sender.log.join('; ')}`)
      })
    },
  }
}
type World = Awaited<ReturnType<typeof setUp>>

/** Waits for what is on its way, until the fault comes. */
async function strike({ random, relay, offer }: World, fault: string): Promise<void> {
  const bytes = Math.floor(Math.exp(random() * Math.log(3_000_000)))
  const direction = random() < 0.7 ? 'sent' : 'received'
  const how = random() < 0.5 ? 'close' : 'reset'
  const reached = relay?.arm(fault === 'cut' ? how : 'none', direction, bytes)
  offer()
  await Promise.race([reached, delay(relay === null ? random() * PATIENCE_MS : PATIENCE_MS)])
  relay?.disarm()
}

/** Looks at names of a place at random, again and again; gives those that had neither content. */
function watch(place: Place, { allowed }: ReturnType<typeof createFiles>): string[] {
  const wrong: string[] = []
  repeat(15, () => {
    const name = names[Math.floor(Math.random() * names.length)] ?? ''
    const before = allowed.get(name)
    void digestAt(place, name).then((there) => {
      const isGood = there !== null && (before?.has(there) || allowed.get(name)?.has(there))
      if (isGood !== true) wrong.push(`${name}: ${there}`)
    })
  })
  return wrong
}

/** Each name is listed and restored with a content that it may have. */
async function expectAll(world: World, files: ReturnType<typeof createFiles>, context: string) {
  const { digests, ...back } = await world.restoreAll()
  const listed = [...names].sort()
  expect(back, context).toEqual({ listed, inDirectory: ['b', 'c', 'e'], failed: [] })
  for (const name of names) {
    const found = digests.get(name) ?? 'nothing'
    expect([...(files.allowed.get(name) ?? [])], `${name}, ${context}`).toContain(found)
    files.settle(name, found)
  }
}

/** crash: of the server. */
const FAULTS = ['kill', 'full', 'cut', 'crash']

const faultsAt = ({ relay, place }: World) => [
  ...['kill', 'full'],
  ...(relay === null ? [] : ['cut']),
  ...(place.crash === undefined ? [] : ['crash']),
]

/** The steps of a replacement: its requests and answers, or, in a folder of this computer, its changes there. */
interface Steps {
  /** So far. */
  made(): number
  /** Resolves when nothing goes on, from the `count`-th step on, until `release`. */
  hold(count: number): Promise<void>
  release(): void
}

function openSteps({ relay, place, signal: signalSender }: World): Steps {
  if (relay !== null) return { made: relay.turns, hold: relay.holdTurn, release: relay.release }
  const settings = place.settings()
  if (settings.kind !== 'folder') throw new Error('it has no connection, and is no folder')
  let made = 0
  let left = 0
  let reached = (): void => undefined
  const watcher = watchDirectory(settings.path, { recursive: true }, () => {
    made += 1
    left -= 1
    if (left !== 0) return
    signalSender('SIGSTOP')
    reached()
  })
  onTestFinished(() => watcher.close())
  return {
    made: () => made,
    hold: (count) =>
      new Promise((resolve) => {
        left = count
        reached = resolve
      }),
    release() {
      left = 0
      signalSender('SIGCONT')
    },
  }
}

interface Interruption {
  size: number
  fault: string
  /** The first one: 1. */
  step: number
  context: string
}

/** Returns the name whose turn it is: a file that changes right after it was sent would wait for some seconds. */
const nameOfTurn = (turn: number): string => names[turn % names.length] ?? ''

/** Replaces a file, and lets something go wrong at this step of it. Returns false if it is over before. */
async function interruptStep(
  world: World,
  files: ReturnType<typeof createFiles>,
  steps: Steps,
  name: string,
  { size, fault, step, context }: Interruption,
): Promise<boolean> {
  const { relay, place } = world
  await world.isConnected()
  files.replace(name, size)
  const reached = steps.hold(step).then(() => true)
  world.offer()
  const sent = world.allSent().then(() => false)
  const isHeld = await Promise.race([reached, sent])
  if (isHeld) {
    // A server that removes a file before it renames another one does so within one request.
    for (const one of names)
      expect([...(files.allowed.get(one) ?? [])], `${one}, ${context}`).toContain(await digestAt(place, one))
    const makeRoom = fault === 'full' ? place.fill?.(0) : undefined
    if (fault === 'kill') await world.kill()
    if (fault === 'cut') relay?.strike('reset')
    if (fault === 'crash') await place.crash?.()
    steps.release()
    await expectAll(world, files, `${context}, after`)
    makeRoom?.()
    if (fault === 'kill') world.restart()
  }
  steps.release()
  await sent
  for (const one of names) files.settle(one, files.digestHere(one))
  return isHeld
}

/** Returns how many steps a replacement has that nothing interrupts. */
async function countSteps(
  world: World,
  files: ReturnType<typeof createFiles>,
  steps: Steps,
  name: string,
  size: number,
): Promise<number> {
  await world.isConnected()
  const before = steps.made()
  files.replace(name, size)
  world.offer()
  await world.allSent()
  files.settle(name, files.digestHere(name))
  return steps.made() - before
}

/**
 * Interrupts replacements of a file: at each step, one after the other, until some are over before; or at a few.
 * @returns how many were interrupted, and how many one has that nothing interrupts.
 */
async function interruptSteps(
  world: World,
  files: ReturnType<typeof createFiles>,
  { size, fault }: Pick<Interruption, 'size' | 'fault'>,
): Promise<{ tried: number; all: number }> {
  const { seed, random } = world
  const steps = openSteps(world)
  const all = await countSteps(world, files, steps, nameOfTurn(0), size)
  let tried = 0
  for (let [turn, step, most, misses] = [1, 0, all, 0]; tried < STEPS && most > 0; turn += 1) {
    const name = nameOfTurn(turn)
    step = STEPS === Infinity ? step + 1 : 1 + Math.floor(random() * most)
    const context = `seed ${seed}, ${name} of ${size} bytes, ${fault}, step ${step}`
    const isHeld = await interruptStep(world, files, steps, name, { size, fault, step, context })
    if (isHeld) tried += 1
    misses = isHeld ? 0 : misses + 1
    // It was over before: some have fewer steps than others.
    if (!isHeld) most = STEPS < Infinity ? step - 1 : misses < MISSES ? most : 0
  }
  return { tried, all }
}

/** Replaces some files while something goes wrong. */
async function runRound(world: World, files: ReturnType<typeof createFiles>, context: string) {
  const { random, place } = world
  await world.isConnected()
  const faults = faultsAt(world)
  const fault = faults[Math.floor(random() * faults.length)] ?? ''
  const makeRoom = fault === 'full' ? place.fill?.(Math.floor(random() * 2_000 * KIB)) : undefined
  for (const name of names) if (random() < 0.6) files.replace(name)
  await strike(world, fault)
  // It stays dead while its files are looked for.
  if (fault === 'kill') await world.kill()
  if (fault === 'crash') await place.crash?.()
  await expectAll(world, files, `${context}, ${fault}`)
  makeRoom?.()
  if (fault === 'kill') world.restart()
}

/** Sends each file for the first time. */
async function begin(kind: TestedKind, megabytes = MEGABYTES) {
  const world = await setUp(kind, megabytes)
  const files = createFiles(world.home, world.random)
  for (const name of names) files.replace(name)
  world.offer()
  await world.allSent()
  for (const name of names) files.settle(name, files.digestHere(name))
  return { world, files }
}

describe.each(kinds)('$name destination', (kind) => {
  beforeAll(() => kind.start?.())
  afterAll(() => kind.stop?.())

  test('replaced files: a fault at each request and answer leaves the older or the newer content under each name', {
    timeout: chooseLength(120_000, 7_200_000),
  }, async () => {
    for (const [what, size] of interrupted)
      for (const fault of chooseCases(FAULTS, 1)) {
        const { world, files } = await begin(kind, MEGABYTES_FOR_STEPS)
        if (faultsAt(world).includes(fault)) {
          const { tried, all } = await interruptSteps(world, files, { size, fault })
          console.log(`${kind.name}, ${what}, ${fault}: ${tried} steps interrupted, of ${all}`)
          await expectAll(world, files, `seed ${world.seed}, ${fault}, at the end`)
        }
        await world.kill()
      }
  })

  test(`replaced files: ${ROUNDS} rounds of kills, cuts and full stores leave the older or the newer content under each name`, {
    timeout: Math.max(120_000, ROUNDS * 10_000),
  }, async () => {
    const { world, files } = await begin(kind)
    const { seed, place } = world

    // Apache removes the older file before it renames the newer one.
    const wrong = kind.name.startsWith('webdav') ? [] : watch(place, files)
    for (let round = 0; round < ROUNDS; round += 1) {
      const context = `seed ${seed}, round ${round}`
      await runRound(world, files, context)
      expect(wrong, context).toEqual([])
    }
    world.offer()
    await world.allSent()
    for (const name of names) {
      expect(await digestAt(place, name), `${name}, seed ${seed}`).toBe(files.digestHere(name))
      files.settle(name, files.digestHere(name))
    }
    await expectAll(world, files, `seed ${seed}, at the end`)
  })
})
