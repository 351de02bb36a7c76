import { describe, expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { parseProposal } from '../../../core/settings/proposal.ts'
import DestinationsPage from '../../../renderer/features/destinations/destinations-page.tsx'
import { OverviewPage } from '../../../renderer/features/overview/overview-page.tsx'
import { emptyProposal, readProposal } from '../../../renderer/features/receiving/propose-draft.ts'
import ProposedLine from '../../../renderer/features/receiving/proposed-line.tsx'
import { SenderDetails } from '../../../renderer/features/receiving/sender-row.tsx'
import { senderWith } from '../../support/agent/status.ts'
import { destinationState, emptyState, sourceState } from './fake-state.ts'
import { renderWords } from './rendered.tsx'

const proposal: AppState['proposals'][number] = {
  ...{ destination: 'nas', id: 'ab', by: 'wei', at: Date.now(), missing: ['camera'], alsoFor: ['usb'] },
  differences: [
    { source: 'data', key: 'ignore', from: ['*.tmp', 'cache/'], to: ['*.tmp', '*.log'] },
    { source: 'data', key: 'hidden', from: 'send', to: 'leave-out' },
    { source: 'data', key: 'maximumBytes', from: null, to: 1024 },
    { source: 'data', key: 'minimumAgeSeconds', from: 0, to: 90 },
    { source: null, key: 'check.intervalSeconds', from: 10, to: 60 },
    { source: null, key: 'send.bytesPerSecond', from: 2048, to: null },
    {
      ...{ source: null, key: 'send.schedule' },
      from: [{ days: [0], from: '00:00', to: '00:00', allow: 'free' }],
      to: [{ days: [1], from: '08:00', to: '18:00', allow: 'pause' }],
    },
  ],
  decision: null,
}
const changes = {
  destinations: [destinationState('nas', { name: 'nas' })],
  sources: [sourceState('data', '/data')],
}

describe('proposal at a station', () => {
  const show = (proposals: AppState['proposals']) =>
    renderWords(<DestinationsPage state={emptyState({ ...changes, proposals })} place={null} />)

  test('the card shows each setting from its old to its new value', () => {
    const words = show([proposal])
    for (const shown of [
      'nas proposes changed settings',
      'Proposed by wei.',
      'Leave out data + *.log − cache/',
      'Send hidden files data on → off',
      'Largest size data No limit → 1 KiB',
      'Age data at once → 1 min 30 sec',
      'Check every 10 sec → 1 min',
      'Speed limit 2 KiB/s → No limit',
      'Schedule + Mon · 08:00 to 18:00 · Pause − Sun · all day · No limit',
      'Not here, or not sent there: camera.',
      'These changes also concern files for usb.',
    ])
      expect(words).toContain(shown)
  })

  test('the card shows nothing about a decided one, and the first of very many patterns', () => {
    const decided = { ...proposal, decision: { accepted: true, sentence: null, at: 1 } }
    expect(show([decided])).not.toContain('proposes')
    const many = Array.from({ length: 300 }, (_, index) => `p${index}`)
    const words = show([
      { ...proposal, differences: [{ source: 'data', key: 'ignore', from: [], to: many }] },
    ])
    expect(words).toContain('+ p19 Show all 300')
    expect(words).not.toContain('+ p20')
  })

  test('the overview leads to it', () => {
    const words = renderWords(<OverviewPage state={emptyState({ ...changes, proposals: [proposal] })} />)
    expect(words).toContain('nas proposes changed settings Show')
  })
})

describe('proposal at a receiver', () => {
  const kept = { id: 'ab', by: 'wei', at: Date.now(), settings: ['data: ignore', 'check.intervalSeconds'] }
  const undecided = { ...kept, state: 'waiting' as const, decidedAt: null, sentence: null, words: null }
  const show = (sender: Parameters<typeof senderWith>[1]) =>
    renderWords(<SenderDetails sender={senderWith('pc', sender)} />)

  /** The line of the details, which is loaded on demand. */
  const showLine = (proposal: Parameters<typeof ProposedLine>[0]['proposal']) =>
    renderWords(<ProposedLine proposal={proposal} fingerprint="ab" />)

  test('the details show one that waits, with a button to withdraw it', () => {
    const words = showLine(undecided)
    expect(words).toContain('Proposed, waits for a decision there: data: Leave out, Check every')
    expect(words).toContain('Withdraw')
  })

  test('the details show a refusal with its reason, also of another version', () => {
    const declined = { ...undecided, state: 'declined' as const, decidedAt: Date.now() }
    const words = message('proposal.invalid', { reason: 'check' })
    const sentence = 'As it came.'
    expect(showLine({ ...declined, sentence, words })).toContain('are not valid: check.')
    const unknown = { key: 'proposal.ofTheFuture' as never, params: {} }
    expect(showLine({ ...declined, sentence, words: unknown })).toContain('· As it came.')
  })

  test('the details show a computer that takes none', () => {
    expect(show({ takesProposals: false })).toContain('Takes no proposed settings')
    expect(show({ takesProposals: null })).not.toContain('Takes no proposed settings')
  })
})

describe('form of a proposal', () => {
  const read = (draft: Partial<typeof emptyProposal>) => readProposal({ ...emptyProposal, ...draft })

  test('the typed settings become a proposal that a station accepts', () => {
    const { text } = read({ interval: '60', rate: '1', source: ' data ', patterns: '*.log\n\ncache/\n' })
    expect(parseProposal(text ?? '')).toEqual({
      sources: [{ name: 'data', filters: { ignore: ['*.log', 'cache/'] } }],
      check: { intervalSeconds: 60 },
      send: { bytesPerSecond: 1024 * 1024 },
    })
    expect(parseProposal(read({ rate: '0', reconcile: '900' }).text ?? '')).toEqual({
      scan: { reconcileSeconds: 900 },
      send: { bytesPerSecond: null },
    })
  })

  test.each([
    [{ interval: '0' }, 'interval'],
    [{ reconcile: '1.5' }, 'reconcile'],
    [{ rate: 'fast' }, 'rate'],
    [{ source: 'data' }, 'patterns'],
    [{ patterns: '*.log' }, 'source'],
  ])('the draft %o has a problem', (draft, field) => {
    const { text, problems } = read(draft)
    expect([text, Object.keys(problems)]).toEqual([null, [field]])
  })

  test('an empty form is no proposal', () => {
    expect(read({ interval: '  ' })).toEqual({ text: null, problems: {} })
  })
})
