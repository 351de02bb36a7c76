import { expect, test } from 'vitest'
import { describeState } from '../../../cli/agent/status.ts'
import { describeFolders } from '../../../cli/folders/folder-state.ts'
import { overallStatus } from '../../../core/agent/state/status.ts'
import { channelSchema } from '../../../core/alerts/settings.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { checkedAs } from '../../support/agent/checked.ts'
import {
  alertsSettings,
  checkedPath,
  destinationState,
  emptyState,
  incident,
  sourceState,
} from '../renderer/fake-state.ts'

const at = 1_700_000_000_000
const away = () => ({ state: 'unreachable' as const, since: Date.now() - 3_600_000, problem: null })
const overall = (kind: 'ok' | 'hung') => {
  const words = kind === 'ok' ? 'check.ok' : 'check.hung'
  const sentence = message(words, { path: '/archive', step: 'open', elapsed: 9_000 })
  return { ...checkedAs('p', { kind, at }), overall: { ...checkedAs('p', { kind }).overall, sentence } }
}
/** What is said of a path that is only checked, and of a source, so many milliseconds after their last check. */
const told = (checked: ReturnType<typeof overall> | null, ageMs: number) => {
  const state = emptyState({
    checkedPaths: [checkedPath('/archive', { checked })],
    sources: [sourceState('data', '/data', { checked })],
  })
  const interval = state.settings.check.intervalSeconds
  const lines = describeFolders(state, at + interval * 3_000 + 10_000 + ageMs)
  return [lines.find((line) => line.startsWith('/archive: ')), lines[lines.indexOf('data  /data') + 1]]
}

test('`holdfast folders`: an OK result is shown for three intervals and 10 seconds, then as not recent', () => {
  expect(told(overall('ok'), 0)).toEqual(['/archive: /archive is OK.', '  /archive is OK.'])
  expect(told(overall('ok'), 1)).toEqual(['/archive: not checked recently', '  not checked recently'])
})

test('`holdfast folders`: a failure is shown at any age, a path without a result as not checked yet', () => {
  expect(told(overall('hung'), 3_600_000)[0]).toContain('/archive has not responded')
  expect(told(null, 0)).toEqual(['/archive: not checked yet', '  not checked yet'])
})

test('`holdfast folders`: the cause of a failing disk follows the sentence of each path on it, until it ends', () => {
  const cause = [message('cause.ext4Error', { device: 'sdb1', function: 'ext4_lookup' })]
  const failing = { p: overall('hung').overall.sentence, q: overall('hung').overall.sentence }
  const lines = (endedAt: number | null) =>
    describeFolders(
      emptyState({
        checkedPaths: [checkedPath('/archive', { id: 'p', checked: overall('hung') })],
        sources: [sourceState('data', '/data', { checked: overall('hung'), settings: { id: 'q' } })],
        incidents: [incident('i', { kind: 'hung', failing, cause, endedAt })],
      }),
    ).filter((line) => line.startsWith('  ext4 found an error on sdb1'))
  expect(lines(null).length).toBe(2)
  expect(lines(at)).toEqual([])
})

test('`holdfast folders`: a source with open files shows their number, their start and the first one', () => {
  const source = sourceState('data', '/data')
  const open = { files: 2, since: at, path: 'd/out' }
  const state = emptyState({ sources: [{ ...source, scanned: { ...source.scanned, open } as never }] })
  const line = describeFolders(state).find((one) => one.includes('open for writing'))
  expect(line).toMatch(/^ {2}2 files open for writing, the first since .*: d\/out$/)
})

test('`holdfast status`: a pause is shown once, also below a more severe problem', () => {
  const paused = emptyState()
  paused.settings = { ...paused.settings, pause: { since: at, until: null } }
  const graver = {
    level: 'attention' as const,
    sentence: message('status.parked', { count: 1 }),
    detail: null,
  }
  const pausedLines = (status: typeof paused.status) =>
    describeState({ ...paused, status }).filter((line) => line.trim().startsWith('Paused. 0 files wait.'))
  expect(pausedLines(graver).length).toBe(1)
  const first = { level: 'paused' as const, sentence: message('status.paused', { count: 0 }), detail: null }
  expect(pausedLines(first).length).toBe(1)
})

test('`holdfast status`: a notice is shown once, as the status or below a more severe problem', () => {
  const sentence = message('transfer.sessionForked', { name: 'disk' })
  const state = emptyState({ notices: [{ id: 'session b', sentence }] })
  state.status = { level: 'attention', sentence, detail: null }
  const forked = () => describeState(state).filter((line) => line.startsWith('A different computer')).length
  expect(forked()).toBe(1)
  state.status = { level: 'attention', sentence: message('status.parked', { count: 1 }), detail: null }
  expect(forked()).toBe(1)
})

test('`holdfast status`: a channel that refuses is shown with the command that tests it', () => {
  const channel = channelSchema.parse({ id: 'ops', name: 'Operators', type: 'webhook' })
  const sentence = message('channel.refused', { host: '127.0.0.1', status: 401, answer: '' })
  const state = emptyState({
    settings: alertsSettings({ channels: [channel] }),
    channels: [
      {
        ...{ id: 'ops', condition: 'refused', sentence, at: Date.now(), failingSince: Date.now() },
        ...{ waiting: 0, secrets: ['url'] },
      },
    ],
  })
  const lines = describeState({ ...state, status: overallStatus(state, Date.now()) })
  expect(lines).toContain('    holdfast channels test ops')
  expect(lines.join('\n')).not.toContain('--dismiss')
})

test('`holdfast status`: three folders, two destinations and a failure fit on a screen, with the command to copy', {
  tags: 'story',
}, () => {
  const destinations = [destinationState('nas', { connection: away() }), destinationState('usb')]
  const sources = ['photos', 'scans', 'logs'].map((name) => {
    const source = sourceState(name, `/data/${name}`)
    return {
      ...source,
      destinations: destinations.map(({ id }) => ({ ...source.destinations[0], id })),
    } as typeof source
  })
  const state = emptyState({ sources, destinations })
  const lines = describeState(
    { ...state, status: overallStatus(state, Date.now()) },
    Date.now(),
    ' --data /d',
  )
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(lines[0]).toBe('nas is unreachable.')
  expect(lines).toContain('    holdfast destinations test nas --data /d')
  expect(lines).toContain('Safe on another computer:')
  expect(lines.filter((line) => line.includes('8,120 sent'))).toHaveLength(3)
  expect(lines.find((line) => line.startsWith('  photos'))).toContain('→ nas, usb')
})

test('`holdfast status`: many folders are summed up, with the command that lists them', () => {
  const sources = Array.from({ length: 17 }, (_, index) => sourceState(`n${index}`, `/data/${index}`))
  const lines = describeState(emptyState({ sources }))
  expect(lines.length).toBeLessThanOrEqual(24)
  expect(lines).toContain('  and 12 more: holdfast folders')
  expect(describeFolders(emptyState({ sources })).filter((line) => /^n\d+ /.test(line))).toHaveLength(17)
})
