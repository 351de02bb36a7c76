import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { type RelayFault, startRelay } from '../../support/faults/relay.ts'
import { repeat } from '../../support/repeat.ts'
import { forwardNudges, startScannerProcess } from '../../support/scan/worker.ts'
import { runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { campaignSources, createCampaign } from '../../support/transfer/campaign.ts'
import {
  createRandom,
  DESTINATION,
  makeHome,
  newSeed,
  readTree,
  receiverConfig,
  senderConfig,
  startListening,
  startTestReceiver,
  startTestSender,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Kills and broken connections; HOLDFAST_ROUNDS makes it longer. */
const ROUNDS = Number(process.env.HOLDFAST_ROUNDS ?? 12)
/** What is on its way is waited for so long before the fault comes anyhow. */
const PATIENCE_MS = 400

type Kill = 'sender' | 'receiver' | 'both'
type Fault = RelayFault | Kill
const FAULTS: readonly Fault[] = [
  ...(['close', 'close', 'close', 'reset', 'reset', 'reset', 'flip', 'delay'] as const),
  ...(['sender', 'sender', 'sender', 'receiver', 'receiver', 'receiver', 'both'] as const),
]

const isKill = (fault: Fault): fault is Kill => fault === 'sender' || fault === 'receiver' || fault === 'both'

/** Chooses the moment of a fault: after how many bytes, in which direction. */
function chooseMoment(fault: Fault, random: () => number) {
  // Kills also come right after an answer, and a moment after that.
  const direction = random() < (isKill(fault) ? 0.4 : 0.8) ? 'sent' : 'received'
  const bytes = Math.floor(Math.exp(random() * Math.log(direction === 'sent' ? 200_000 : 3_000)))
  return { direction, bytes } as const
}

/** A sender, a receiver and a scanner, with a relay between, of which any may be killed and started again. */
async function setUp() {
  const base = temporaryDirectory('campaign')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  let { receiver, at } = await startListening(store, [home])
  const relay = await startRelay(at.port)
  const config = senderConfig(
    home,
    { ...at, port: relay.port },
    {
      retrySeconds: 0.05,
      sources: campaignSources.map((name) => ({
        id: name,
        path: path.join(home.source, name),
        name,
        groupWriteMark: name === 'marked',
        paused: false,
      })),
    },
  )
  let sender = startTestSender()
  sender.configure(config)
  return {
    base,
    store,
    home,
    relay,
    arrivedIn: (source: string) => path.join(store, 'sender-1', source),
    sender: () => sender,
    receiver: () => receiver,
    async crash(who: 'sender' | 'receiver') {
      if (who === 'sender') {
        const gone = sender.kill()
        sender = startTestSender()
        await gone
        sender.configure(config)
      } else {
        const gone = receiver.kill()
        receiver = startTestReceiver()
        await gone
        await receiver.configure(receiverConfig(store, [home], at.port))
      }
    },
  }
}

function startScanner({ home }: { home: Awaited<ReturnType<typeof makeHome>> }) {
  const scanner = startScannerProcess()
  scanner.configure({
    sources: [
      sourceSchema.parse({
        id: 'batch',
        path: path.join(home.source, 'batch'),
        name: 'batch',
        kind: 'batch',
      }),
    ],
    ledgerPath: home.ledgerPath,
    destinations: [DESTINATION],
    ...defaultSettings.scan,
    reconcileSeconds: 5,
    quietSeconds: 0.3,
  })
  return scanner
}

test(`crash campaign: ${ROUNDS} kills and broken connections lose no file, and mark or count no unstored file as sent`, {
  timeout: Math.max(600_000, ROUNDS * 2_000),
}, async () => {
  const seed = newSeed('campaign')
  const random = createRandom(seed)
  const world = await setUp()
  const { home, relay, store } = world
  const campaign = createCampaign(home, world.arrivedIn, random)
  const scanner = startScanner(world)
  forwardNudges(scanner, world.sender, 40)
  repeat(40, campaign.lookAtMarks)

  const struck: Partial<Record<Fault, number>> = {}
  const hits = () => Object.values(struck).reduce((sum, count) => sum + count, 0) - (struck.delay ?? 0)
  for (let round = 0; hits() < ROUNDS; round += 1) {
    campaign.change()
    const fault = FAULTS[Math.floor(random() * FAULTS.length)] ?? 'none'
    const { direction, bytes } = chooseMoment(fault, random)
    let hit = false
    const reached = relay.arm(isKill(fault) ? 'none' : fault, direction, bytes).then(() => {
      hit = true
    })
    world.sender().nudge()
    await Promise.race([reached, delay(PATIENCE_MS)])
    relay.disarm()
    if (isKill(fault) && random() < 0.5) await delay(random() * 80)
    if (fault === 'both') await Promise.all([world.crash('sender'), world.crash('receiver')])
    else if (isKill(fault)) await world.crash(fault)
    if (hit || isKill(fault)) struck[fault] = (struck[fault] ?? 0) + 1
    if (round % 5 === 0) campaign.lookAtLedger()
    expect(campaign.violations, `seed ${seed}, round ${round}, ${fault}`).toEqual([])
  }

  campaign.finish()
  world.sender().nudge()
  await until('nothing waits any more, and every mark is there', () => {
    const { totals, connection } = world.sender().report() ?? {}
    if (connection?.state !== 'connected' || totals === undefined) return false
    return Object.values(totals).every(({ waitingFiles }) => waitingFiles === 0) && campaign.allMarked()
  }).catch((error) => {
    throw new Error(`${error}: ${JSON.stringify(world.sender().report())}; ${world.sender().log.join('; ')}`)
  })
  console.log(`${JSON.stringify(struck)}, ${relay.connections().made} connections`)
  campaign.lookAtMarks()
  campaign.lookAtLedger()
  expect(campaign.violations).toEqual([])
  for (const source of campaignSources) {
    const { here, there } = campaign.trees(source)
    expect(there, source).toEqual(here)
  }
  expect(Object.values(world.sender().report()?.totals ?? {}).map((each) => each.parkedFiles)).toEqual(
    campaignSources.map(() => 0),
  )
  const temporary = path.join(store, '.holdfast', 'tmp')
  await until('nothing half is left', () => Object.keys(readTree(temporary)).length === 0)
  expect(fs.readdirSync(temporary).length).toBeLessThanOrEqual(1)
  // Also what a receiver that was killed at once had replaced is known to the manifest.
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [] })
})
