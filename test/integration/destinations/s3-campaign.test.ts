import { randomFillSync } from 'node:crypto'
import { readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, inject, test } from 'vitest'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest, digestText } from '../../../core/platform/digest.ts'
import type { FileThere, Place } from '../../support/destinations/kind.ts'
import { s3Place } from '../../support/destinations/s3-kind.ts'
import { type RelayFault, startRelay } from '../../support/faults/relay.ts'
import { makeBucket } from '../../support/servers/buckets.ts'
import { startStorageServer } from '../../support/servers/servers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  createRandom,
  DESTINATION,
  type Home,
  listFoundFiles,
  makeHome,
  newSeed,
  SOURCE,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Kills and broken connections; HOLDFAST_ROUNDS makes it longer. */
const ROUNDS = Number(process.env.HOLDFAST_ROUNDS ?? 5)
/** What is on its way is waited for so long before the fault comes anyhow. */
const PATIENCE_MS = 400
const KIB = 1024

type Fault = RelayFault | 'sender' | 'everything'
const FAULTS: readonly Fault[] = [
  'close',
  'reset',
  'reset',
  'flip',
  'sender',
  'sender',
  'sender',
  'everything',
]

/** Small ones, some that go in chunks, a few in parts: two or three of 8 MiB. */
function chooseSize(random: () => number): number {
  const kind = random()
  if (kind < 0.06) return 9 * KIB * KIB + Math.floor(random() * 9 * KIB * KIB)
  return kind < 0.15 ? Math.floor(random() * 3 * KIB * KIB) : Math.floor(random() * 20 * KIB)
}

/** A tree that changes as its producer would change it: new files, and whole new contents under names that are there. */
function createTree(home: Home, ledger: Ledger, random: () => number) {
  const names: string[] = []
  let count = 0
  return {
    names,
    change() {
      for (let more = 1 + Math.floor(random() * 4); more > 0; more -= 1) {
        const known = random() < 0.3 ? names[Math.floor(random() * names.length)] : undefined
        count += 1
        const name = known ?? `d${Math.floor(random() * 8)}/f${count}`
        writeFile(home.directory, 'aside', randomFillSync(Buffer.alloc(chooseSize(random))))
        if (known === undefined) writeFile(home.source, name, '')
        renameSync(path.join(home.directory, 'aside'), path.join(home.source, name))
        if (known === undefined) names.push(name)
      }
      ledger.offer(DESTINATION, listFoundFiles(home.source))
    },
  }
}

const formatDigest = (file: FileThere | null) =>
  file === null ? 'nothing' : digestText(computeDigest(file.bytes))
const digestHere = (home: Home, name: string) =>
  digestText(computeDigest(readFileSync(path.join(home.source, name))))

/** Those of the newest files of which the ledger says that they are sent, but that are not there. */
async function violations(home: Home, ledger: Ledger, place: Place, looked: Set<string>): Promise<string[]> {
  const page = { source: SOURCE, state: 'sent', before: null, limit: 100 } as const
  const said = ledger.files([DESTINATION], page).files.filter(({ id, sentAt }) => {
    const key = `${id} ${sentAt}`
    return !looked.has(key) && looked.add(key)
  })
  const wrong = said.map(async ({ path: name }) => {
    const here = digestHere(home, name)
    return formatDigest(await place.file('data', name)) === here ? [] : [name]
  })
  return (await Promise.all(wrong)).flat()
}

test(`S3 destination: ${ROUNDS} rounds of kill -9 and cut connections lose no file and mark none sent too early`, {
  timeout: Math.max(120_000, ROUNDS * 10_000),
}, async () => {
  const seed = newSeed('s3 campaign')
  const random = createRandom(seed)
  const home = await makeHome(temporaryDirectory('s3-campaign'))
  const server = await startStorageServer(inject('servers'), 'swift')
  const place = s3Place(server, await makeBucket(server))
  const relay = await startRelay(place.port ?? 0)
  const nobody = { port: 1, fingerprint: home.identity.fingerprint }
  const destination = { ...place.settings(relay.port), id: DESTINATION }
  const config = {
    ...senderConfig(home, nobody, { retrySeconds: 0.05 }),
    destination,
    secrets: place.secrets,
  }
  let sender = startTestSender()
  sender.configure(config)
  const ledger = openLedger(home.ledgerPath)
  const tree = createTree(home, ledger, random)
  const looked = new Set<string>()
  const crash = async () => {
    const gone = sender.kill()
    sender = startTestSender()
    await gone
    sender.configure(config)
  }

  const struck: Partial<Record<Fault, number>> = {}
  for (let hits = 0; hits < ROUNDS; ) {
    // Before that there is nothing to be interrupted.
    await until('it is connected', () => sender.report()?.connection.state === 'connected')
    tree.change()
    const fault = FAULTS[Math.floor(random() * FAULTS.length)] ?? 'none'
    const isKill = fault === 'sender' || fault === 'everything'
    const bytes = Math.floor(Math.exp(random() * Math.log(4_000_000)))
    let hit = false
    const reached = relay
      .arm(isKill ? 'none' : fault, random() < 0.8 ? 'sent' : 'received', bytes)
      .then(() => {
        hit = true
      })
    sender.nudge()
    await Promise.race([reached, delay(PATIENCE_MS)])
    relay.disarm()
    if (fault === 'sender') await crash()
    if (fault === 'everything') relay.strike('reset')
    if (hit || isKill) {
      struck[fault] = (struck[fault] ?? 0) + 1
      hits += 1
    }
    const context = `seed ${seed}, ${JSON.stringify(struck)}`
    // What changes in this moment is no violation: nothing is changed while it is looked at.
    expect(await violations(home, ledger, place, looked), context).toEqual([])
  }

  sender.nudge()
  await until('nothing waits any more', () => {
    // What the sender has told may be older than what was offered last.
    const waiting = ledger.totals(DESTINATION)[SOURCE]?.waitingFiles
    return sender.report()?.connection.state === 'connected' && waiting === 0
  }).catch((error) => {
    throw new Error(`${error}: ${JSON.stringify(sender.report())}; ${sender.log.join('; ')}`)
  })
  const there = await Promise.all(
    tree.names.map(async (name) => formatDigest(await place.file('data', name))),
  )
  expect(there, `seed ${seed}`).toEqual(tree.names.map((name) => digestHere(home, name)))
  expect(sender.report()?.totals[SOURCE]?.parkedFiles).toBe(0)
  // They are looked for when a session begins.
  await crash()
  await until(`no left-over, seed ${seed}`, async () => (await place.leftOvers()).length === 0)
  ledger.close()
  process.stderr.write(`s3 campaign: ${tree.names.length} files, ${JSON.stringify(struck)}\n`)
})
