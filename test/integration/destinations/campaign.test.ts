import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { reachSftp } from '../../../core/backends/sftp/sftp.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { sftpKind, sftpServer } from '../../support/destinations/sftp-kind.ts'
import { type RelayFault, startRelay } from '../../support/faults/relay.ts'
import { repeat } from '../../support/repeat.ts'
import { forwardNudges, startScannerProcess } from '../../support/scan/worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { campaignSources, createCampaign } from '../../support/transfer/campaign.ts'
import {
  createRandom,
  DESTINATION,
  makeHome,
  newSeed,
  senderConfig,
  startTestSender,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Kills and broken connections; HOLDFAST_ROUNDS makes it longer. */
const ROUNDS = Number(process.env.HOLDFAST_ROUNDS ?? 5)
/** What is on its way is waited for so long before the fault comes anyhow. */
const PATIENCE_MS = 400

type Fault = RelayFault | 'sender' | 'server'
const FAULTS: readonly Fault[] = ['close', 'reset', 'reset', 'flip', 'sender', 'sender', 'sender', 'server']

beforeAll(() => sftpKind.start?.())
afterAll(() => sftpKind.stop?.())

/** A sender that may be killed, with a relay before an SFTP server of which any connection may be. */
async function setUp() {
  const home = await makeHome(temporaryDirectory('sftp-campaign'))
  const place = await sftpKind.open(home)
  const relay = await startRelay(sftpServer().port)
  const settings = { ...(place.settings(relay.port) as DestinationOf<'sftp'>), id: DESTINATION }
  const sources = campaignSources.map((name) => ({
    id: name,
    path: path.join(home.source, name),
    name,
    groupWriteMark: name === 'marked',
    paused: false,
  }))
  const nobody = { port: 1, fingerprint: home.identity.fingerprint }
  const config = {
    ...senderConfig(home, nobody, { retrySeconds: 0.05, sources }),
    destination: settings,
    secrets: place.secrets,
  }
  let sender = startTestSender()
  sender.configure(config)
  return {
    home,
    place,
    relay,
    settings,
    arrivedIn: (source: string) => path.join(settings.path, settings.folder, source),
    sender: () => sender,
    async crash() {
      const gone = sender.kill()
      sender = startTestSender()
      await gone
      sender.configure(config)
    },
  }
}

function startScanner({ home }: Awaited<ReturnType<typeof setUp>>) {
  const scanner = startScannerProcess()
  const batch = { id: 'batch', path: path.join(home.source, 'batch'), name: 'batch', kind: 'batch' }
  scanner.configure({
    sources: [sourceSchema.parse(batch)],
    ledgerPath: home.ledgerPath,
    destinations: [DESTINATION],
    ...defaultSettings.scan,
    reconcileSeconds: 5,
    quietSeconds: 0.3,
  })
  return scanner
}

test(`SFTP destination: ${ROUNDS} rounds of kill -9 and cut connections lose no file and mark none sent too early`, {
  timeout: Math.max(120_000, ROUNDS * 6_000),
}, async () => {
  const seed = newSeed('sftp campaign')
  const random = createRandom(seed)
  const world = await setUp()
  const { home, relay, place } = world
  const campaign = createCampaign(home, world.arrivedIn, random)
  const scanner = startScanner(world)
  forwardNudges(scanner, world.sender, 40)
  repeat(40, campaign.lookAtMarks)

  const struck: Partial<Record<Fault, number>> = {}
  const hits = () => Object.values(struck).reduce((sum, count) => sum + count, 0)
  while (hits() < ROUNDS) {
    // Before that there is nothing to be interrupted. A flipped bit in a length leaves both ends waiting: a login is given
    // up after 20 s, a connection after 30 s.
    await until('it is connected', () => world.sender().report()?.connection.state === 'connected')
    campaign.change()
    campaign.change()
    const fault = FAULTS[Math.floor(random() * FAULTS.length)] ?? 'none'
    const isKill = fault === 'sender' || fault === 'server'
    const direction = random() < 0.7 ? 'sent' : 'received'
    const bytes = Math.floor(Math.exp(random() * Math.log(direction === 'sent' ? 400_000 : 20_000)))
    let hit = false
    const reached = relay.arm(isKill ? 'none' : fault, direction, bytes).then(() => {
      hit = true
    })
    world.sender().nudge()
    await Promise.race([reached, delay(PATIENCE_MS)])
    relay.disarm()
    if (isKill && random() < 0.5) await delay(random() * 80)
    if (fault === 'sender') await world.crash()
    if (fault === 'server') sftpServer().dropAll()
    if (hit || isKill) struck[fault] = (struck[fault] ?? 0) + 1
    campaign.lookAtLedger()
    expect(campaign.violations, `seed ${seed}, ${JSON.stringify(struck)}`).toEqual([])
  }

  campaign.finish()
  world.sender().nudge()
  // What the sender has told may be older than what was offered last.
  const ledger = openLedger(home.ledgerPath)
  onTestFinished(() => ledger.close())
  await until('nothing waits any more, and every mark is there', () => {
    const nothingWaits = Object.values(ledger.totals(DESTINATION)).every(
      ({ waitingFiles }) => waitingFiles === 0,
    )
    const isConnected = world.sender().report()?.connection.state === 'connected'
    return isConnected && nothingWaits && campaign.allMarked()
  }).catch((error) => {
    throw new Error(`${error}: ${JSON.stringify(world.sender().report())}; ${world.sender().log.join('; ')}`)
  })
  campaign.lookAtMarks()
  campaign.lookAtLedger()
  expect(campaign.violations, `seed ${seed}`).toEqual([])
  for (const source of campaignSources) {
    const { here, there } = campaign.trees(source)
    expect(there, `${source}, seed ${seed}`).toEqual(here)
  }
  expect(Object.values(world.sender().report()?.totals ?? {}).map((each) => each.parkedFiles)).toEqual(
    campaignSources.map(() => 0),
  )
  const isWhole = (name: string) => path.basename(name).startsWith('whole-')
  console.log(`${(await place.leftOvers()).filter(isWhole).length} left by cut sessions`)
  // A server may go on with what a cut session has asked for, after the next one has looked: the one after that finds it.
  await world.crash()
  await until('what the cut sessions left is removed', async () => !(await place.leftOvers()).some(isWhole))
  // What was interrupted, and replaced at its source before it could go on, is all that may wait for its week.
  const waiting = await place.leftOvers()
  console.log(`${JSON.stringify(struck)}, ${relay.connections().made} connections, ${waiting.length} partial`)
  await world.sender().kill()
  const { store } = await reachSftp(world.settings, place.secrets, new AbortController().signal)
  await store.sweep(Date.now() + 60_000)
  store.close()
  expect(await place.leftOvers()).toEqual([])
})
