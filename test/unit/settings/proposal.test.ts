import { expect, test } from 'vitest'
import { MAX_PROPOSAL_BYTES } from '../../../core/protocol/limits.ts'
import {
  withAcceptProposals,
  withDestination,
  withDestinationChanged,
  withSamples,
} from '../../../core/settings/destinations.ts'
import {
  applyProposal,
  describeProposal,
  listProposedKeys,
  parseProposal,
} from '../../../core/settings/proposal.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

const nas = {
  id: 'nas',
  kind: 'receiver',
  name: 'nas',
  host: 'nas',
  port: 7766,
  fingerprint: 'a'.repeat(64),
} as const
const usb = { id: 'usb', kind: 'folder', name: 'usb', path: '/mnt/usb' }
const settings = settingsSchema.parse({
  destinations: [nas, usb],
  sources: [
    { id: 'one', path: '/data', name: 'Data', ignore: ['*.tmp'], destinations: ['nas'] },
    { id: 'two', path: '/raw', name: 'raw', destinations: ['usb'] },
  ],
})

const parse = (fragment: unknown) => parseProposal(JSON.stringify(fragment))
const refusal = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return error
  }
  return null
}

test('proposal: filters, intervals and the limit are applied, and described from old to new', () => {
  const schedule = [{ days: [1], from: '08:00', to: '18:00', allow: 'pause' }]
  const fragment = parse({
    sources: [{ name: 'data', filters: { ignore: ['*.log'], maximumBytes: 10, hidden: 'send' } }],
    check: { intervalSeconds: 60 },
    scan: { reconcileSeconds: 600 },
    send: { bytesPerSecond: 2048, schedule },
  })
  const next = applyProposal(settings, fragment, 'nas')
  expect(next.sources[0]).toMatchObject({ ignore: ['*.log'], maximumBytes: 10, name: 'Data' })
  expect(next).toMatchObject({
    check: { intervalSeconds: 60, slowSeconds: settings.check.slowSeconds },
    scan: { reconcileSeconds: 600 },
    send: { bytesPerSecond: 2048, schedule, retrySeconds: settings.send.retrySeconds },
  })
  const { differences, missing } = describeProposal(settings, fragment, 'nas')
  expect(missing).toEqual([])
  // The filter that has the value already is no difference.
  expect(differences).toEqual([
    { source: 'Data', key: 'ignore', from: ['*.tmp'], to: ['*.log'] },
    { source: 'Data', key: 'maximumBytes', from: null, to: 10 },
    { source: null, key: 'check.intervalSeconds', from: 10, to: 60 },
    { source: null, key: 'scan.reconcileSeconds', from: 300, to: 600 },
    { source: null, key: 'send.bytesPerSecond', from: null, to: 2048 },
    { source: null, key: 'send.schedule', from: [], to: schedule },
  ])
  expect(describeProposal(next, fragment, 'nas').differences).toEqual([])
})

test('proposal: a source that is not sent to the proposing receiver stays unchanged', () => {
  const fragment = parse({
    sources: [
      { name: 'raw', filters: { ignore: ['*'] } },
      { name: 'nowhere', filters: { ignore: ['*'] } },
    ],
  })
  expect(applyProposal(settings, fragment, 'nas')).toEqual(settings)
  expect(describeProposal(settings, fragment, 'nas')).toEqual({
    differences: [],
    missing: ['raw', 'nowhere'],
    isElsewhere: true,
  })
  expect(describeProposal(settings, fragment, 'usb')).toMatchObject({
    missing: ['nowhere'],
    isElsewhere: false,
  })
})

test.each([
  ['a destination', { destinations: [nas] }],
  ['a channel', { alerts: { channels: [] } }],
  ['a path of a source', { sources: [{ name: 'data', path: '/etc', filters: { ignore: [] } }] }],
  ['deletion after sending', { sources: [{ name: 'data', filters: { deleteAfter: { hours: 1 } } }] }],
  ['an unknown setting of a group', { send: { retrySeconds: 1 } }],
  ['a pause', { pause: { until: null } }],
  ['a value out of range', { check: { intervalSeconds: 0 } }],
  ['a source named twice', { sources: ['Data', 'data'].map((name) => ({ name, filters: { ignore: [] } })) }],
  ['an object without settings', {}],
  ['a proposal with empty groups', { check: {}, sources: [{ name: 'data', filters: {} }] }],
  ['a list', []],
])('proposal: %s is refused', (_, fragment) => {
  expect(refusal(() => parse(fragment))).toMatchObject({ sentence: { key: 'proposal.invalid' } })
})

test('proposal: a text that is too large, no JSON, or has an unclosed pattern is refused', () => {
  const large = JSON.stringify({
    sources: [{ name: 'd', filters: { ignore: Array(70).fill('空'.repeat(400)) } }],
  })
  expect(large.length).toBeLessThan(MAX_PROPOSAL_BYTES)
  expect(refusal(() => parseProposal(large))).toMatchObject({ sentence: { key: 'proposal.tooLarge' } })
  expect(refusal(() => parseProposal('{'))).toMatchObject({ sentence: { key: 'proposal.invalid' } })
  // The reason quotes the unknown name in part.
  const long = refusal(() => parse({ [`x${'y'.repeat(50_000)}`]: 1 }))
  expect(JSON.stringify(long).length).toBeLessThan(1_000)
  const unclosed = { sources: [{ name: 'data', filters: { ignore: ['a['] } }] }
  expect(refusal(() => parse(unclosed))).toMatchObject({ sentence: { key: 'refuse.unclosedPattern' } })
})

test('proposal: a range in which no file passes is refused with the settings of this computer', () => {
  const least = applyProposal(
    settings,
    parse({ sources: [{ name: 'data', filters: { minimumBytes: 9 } }] }),
    'nas',
  )
  const most = parse({ sources: [{ name: 'data', filters: { maximumBytes: 5 } }] })
  expect(refusal(() => describeProposal(least, most, 'nas'))).toMatchObject({
    sentence: { key: 'refuse.emptyRange' },
  })
})

test('proposal: its settings are listed by name', () => {
  const fragment = parse({
    sources: [{ name: 'data', filters: { ignore: [], hidden: 'send' } }],
    send: { bytesPerSecond: null },
  })
  expect(listProposedKeys(fragment)).toEqual(['data: ignore', 'data: hidden', 'send.bytesPerSecond'])
})

test('samples: they stay when a destination is reached otherwise or paired again', () => {
  const samples = { filesPerDay: 0, gibPerDay: 0.5 }
  const set = withSamples(settings, 'nas', samples)
  const find = ({ destinations }: typeof settings) => destinations[0]
  expect(find(withDestinationChanged(set, { ...nas, host: 'other' }))).toMatchObject({
    host: 'other',
    samples,
  })
  expect(find(withDestination(set, { ...nas, id: 'new', fingerprint: 'b'.repeat(64) }))).toMatchObject({
    samples,
  })
})

test('consent to proposals: it stays with the certificate, and another certificate has none', () => {
  const accepting = withAcceptProposals(settings, 'nas', true)
  const find = ({ destinations }: typeof settings) => destinations[0]
  expect(find(accepting)).toMatchObject({ acceptProposals: true })
  expect(find(withDestinationChanged(accepting, { ...nas, host: 'other' }))).toMatchObject({
    host: 'other',
    acceptProposals: true,
  })
  expect(find(withDestination(accepting, nas))).toMatchObject({ acceptProposals: true })
  const other = { ...nas, id: 'new', fingerprint: 'b'.repeat(64) }
  expect(find(withDestination(accepting, other))).not.toHaveProperty('acceptProposals')
  expect(find(withAcceptProposals(accepting, 'nas', false))).toEqual(nas)
  expect(refusal(() => withAcceptProposals(settings, 'usb', true))).toMatchObject({
    sentence: { key: 'refuse.proposalKind' },
  })
})
