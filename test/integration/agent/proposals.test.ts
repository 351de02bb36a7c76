import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createProposal } from '../../../core/receive/proposing.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, pairWith, startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const SOON_MS = 60_000
const FRAGMENT = {
  sources: [
    { name: 'data', filters: { ignore: ['*.log'] } },
    { name: 'elsewhere', filters: { ignore: ['*'] } },
  ],
  check: { intervalSeconds: 77 },
}

/** A station that sends the directory "data" to a receiver, and what both show. */
async function setUp() {
  const receiver = await startReceiver('hub')
  const base = temporaryDirectory('station')
  const data = path.join(base, 'agent')
  const directory = path.join(base, 'data')
  mkdirSync(directory)
  await pairWith(receiver, data, 'station-1')
  const startAgent = async () => {
    const agent = startHoldfast(['agent', '--data', data, directory])
    await untilState(data, 'the connection', connected, SOON_MS)
    return agent
  }
  const connected = ({ destinations }: { destinations: readonly { connection: { state: string } }[] }) =>
    destinations[0]?.connection.state === 'connected'
  const file = path.join(base, 'proposal.json')
  const propose = async (fragment: unknown, ...who: string[]) => {
    writeFileSync(file, JSON.stringify(fragment))
    return holdfast(['stations', 'propose', ...who, file, '--store', receiver.store])
  }
  const readRow = async () => {
    const [row] = (await holdfast(['stations', '--store', receiver.store, '--json'])).trim().split('\n')
    return JSON.parse(row ?? '') as {
      fingerprint: string
      takesProposals: boolean | null
      proposal: { id: string; state: string; sentence: string | null } | null
    }
  }
  const untilRow = (what: string, holds: (row: Awaited<ReturnType<typeof readRow>>) => boolean) =>
    until(what, async () => ((await readRow().then(holds)) ? readRow() : null), SOON_MS)
  const decide = (...words: string[]) =>
    holdfast(['destinations', 'proposal', 'hub', '--data', data, ...words])
  const untilWaiting = () =>
    untilState(data, 'the proposal', ({ proposals }) => proposals[0]?.decision === null, SOON_MS)
  return { receiver, data, startAgent, propose, readRow, untilRow, decide, untilWaiting }
}

test('proposed settings: a station shows what would change, and changes it only when a person accepts', async () => {
  const { receiver, data, startAgent, propose, untilRow, decide, untilWaiting } = await setUp()
  await startAgent()
  await untilRow('that it takes proposals', ({ takesProposals }) => takesProposals === true)
  await holdfast(['stations', 'label', 'station-1', 'north', '--store', receiver.store])
  expect(await propose(FRAGMENT, '--label', 'north')).toContain('Proposed to station-1.')

  const { proposals, settings, status } = await untilWaiting()
  expect(proposals[0]).toMatchObject({
    differences: [
      { source: 'data', key: 'ignore', to: ['*.log'] },
      { source: null, key: 'check.intervalSeconds', from: 10, to: 77 },
    ],
    missing: ['elsewhere'],
    alsoFor: [],
  })
  expect(settings.check.intervalSeconds).toBe(10)
  expect(status.level).not.toBe('attention')
  const shown = await decide()
  expect(shown).toContain('check.intervalSeconds: 10 -> 77')
  expect(shown).toContain('elsewhere')
  expect(await holdfast(['stations', '--store', receiver.store])).toMatch(/ waiting +station-1\n/)

  // A proposal that is no longer the one shown is not accepted.
  expect(
    await askAgent(data)('acceptProposal', {
      destination: settings.destinations[0]?.id ?? '',
      proposal: 'ff',
    }),
  ).toMatchObject({ done: false, sentence: { key: 'refuse.proposalGone' } })
  expect(await decide('--accept')).toContain('accepted')
  const after = await untilState(data, 'the change', (one) => one.settings.check.intervalSeconds === 77)
  expect(after.settings.sources[0]?.ignore).toEqual(['*.log'])
  const { proposal } = await untilRow('the decision', (row) => row.proposal?.state === 'accepted')
  expect(proposal?.sentence).toContain('elsewhere')
  expect(await holdfast(['stations', 'proposal', 'station-1', '--store', receiver.store])).toContain(
    'accepted',
  )

  const changes = (await holdfast(['changes', '--data', data, '--json'])).split('\n')
  const accepted = JSON.parse(changes.find((line) => line.includes('change.acceptProposal')) ?? '')
  expect(accepted).toMatchObject({
    by: { via: 'terminal' },
    sentence: { params: { name: 'hub' } },
    differences: [
      { kind: 'source', name: 'data', details: ['ignore: [] → ["*.log"]'] },
      { name: 'check.intervalSeconds', details: ['10', '77'] },
    ],
  })
  const made = await holdfast(['changes', '--store', receiver.store])
  expect(made).toContain('Proposed settings to station-1.')

  // The same values again need no question.
  await propose(FRAGMENT, 'station-1')
  const again = await untilRow(
    'it is accepted',
    (row) => row.proposal?.state === 'accepted' && row.proposal.id !== proposal?.id,
  )
  expect(again.proposal?.state).toBe('accepted')
})

test('proposed settings: a proposal and its decision survive restarts of the station', async () => {
  const { data, startAgent, propose, untilRow, decide, untilWaiting } = await setUp()
  const agent = await startAgent()
  await propose({ check: { intervalSeconds: 88 } }, 'station-1')
  await untilWaiting()
  agent.child.kill('SIGTERM')
  await agent.ended()
  expect(await decide()).toContain('check.intervalSeconds: 10 -> 88')
  expect(await decide('--decline')).toContain('declined')
  const next = await startAgent()
  await untilRow('the decision', ({ proposal }) => proposal?.state === 'declined')

  await propose({ check: { intervalSeconds: 99 } }, 'station-1')
  await untilWaiting()
  next.child.kill('SIGTERM')
  await next.ended()
  expect(JSON.parse(await decide('--accept', '--json'))).toMatchObject({
    proposal: { decision: { accepted: true } },
  })
  await startAgent()
  await untilRow('the decision', ({ proposal }) => proposal?.state === 'accepted')
  await untilState(data, 'the setting', ({ settings }) => settings.check.intervalSeconds === 99)
})

test('proposed settings: a station that accepts them from a receiver changes and records them at once', async () => {
  const { receiver, data, startAgent, propose, readRow, untilRow, decide, untilWaiting } = await setUp()
  await startAgent()
  await propose({ check: { intervalSeconds: 66 } }, 'station-1')
  await untilWaiting()
  // Consent applies to the proposal that waits, too.
  expect(await decide('--always', 'on')).toContain('accepted')
  await untilRow('the first decision', ({ proposal }) => proposal?.state === 'accepted')
  await propose({ sources: [{ name: 'data', filters: { minimumAgeSeconds: 5 } }] }, 'station-1')
  await untilState(
    data,
    'the second',
    ({ settings }) => settings.sources[0]?.minimumAgeSeconds === 5,
    SOON_MS,
  )
  await untilRow('the second decision', ({ proposal }) => proposal?.state === 'accepted')
  const changes = (await holdfast(['changes', '--data', data, '--json'])).trim().split('\n')
  const byReceiver = changes.map((line) => JSON.parse(line)).filter(({ by }) => by.via === 'receiver')
  expect(byReceiver).toMatchObject([
    { by: { name: 'hub' }, differences: [{ name: 'data', details: ['minimumAgeSeconds: 0 → 5'] }] },
    { by: { name: 'hub' }, differences: [{ name: 'check.intervalSeconds', details: ['10', '66'] }] },
  ])
  const { notices } = await untilState(data, 'the notice', ({ notices }) =>
    notices.some(({ sentence }) => sentence.key === 'proposal.applied'),
  )
  expect(notices).toHaveLength(1)

  // A receiver of a later version may propose what this one cannot accept.
  const { fingerprint } = await readRow()
  const senders = await openSenders(storeLayout(receiver.store).senders, null)
  const text = JSON.stringify({ destinations: [] })
  const proposal = createProposal(JSON.stringify({ check: { intervalSeconds: 5 } }), 'wei', Date.now())
  await senders.propose([fingerprint], { ...proposal, text })
  const { proposal: declined } = await untilRow('the refusal', (row) => row.proposal?.state === 'declined')
  expect(declined?.sentence).toContain('not valid')
  const after = await untilState(data, 'its notice', ({ notices }) =>
    notices.some(({ sentence }) => sentence.key === 'proposal.declinedHere'),
  )
  expect(after.settings.check.intervalSeconds).toBe(66)
})

test('proposed settings: a withdrawn proposal disappears at the station', async () => {
  const { receiver, data, startAgent, propose, untilRow, decide, untilWaiting } = await setUp()
  await startAgent()
  await propose({ send: { bytesPerSecond: 4096 } }, 'station-1')
  await untilWaiting()
  const withdraw = ['stations', 'proposal', 'station-1', '--withdraw', '--store', receiver.store]
  expect(await holdfast(withdraw)).toContain('withdrawn')
  const { notices, settings } = await untilState(
    data,
    'it is gone',
    ({ proposals }) => proposals.length === 0,
    SOON_MS,
  )
  expect([notices, settings.send.bytesPerSecond]).toEqual([[], null])
  expect(await decide()).toContain('hub has proposed no settings.')
  await untilRow('the list', ({ proposal }) => proposal === null)
})

test('proposed settings: a station takes the next proposal ten seconds after the last one', async () => {
  const { startAgent, propose, untilRow, untilWaiting } = await setUp()
  await startAgent()
  await untilRow('that it takes proposals', ({ takesProposals }) => takesProposals === true)
  const interval = (seconds: number) => ({ check: { intervalSeconds: seconds } })
  await propose(interval(61), 'station-1')
  const proposed = async () => (await untilWaiting()).proposals[0]?.differences[0]?.to
  expect(await proposed()).toBe(61)
  const began = performance.now()
  await propose(interval(62), 'station-1')
  await propose(interval(63), 'station-1')
  await until('the next proposal', async () => (await proposed()) !== 61, SOON_MS)
  // The first one was seen a moment after it had arrived.
  expect(performance.now() - began).toBeGreaterThan(9_000)
  await until('the last proposal', async () => (await proposed()) === 63, SOON_MS)
})
