import { describe, expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { Header } from '../../../renderer/features/frame/header.tsx'
import { findHeaderAction } from '../../../renderer/features/frame/header-action.ts'
import { getTopic } from '../../../renderer/features/frame/topic.ts'
import { emptyState, incident } from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const said = (reason: string) => message('problem.other', { reason })

describe('window header', () => {
  test('the status is shown in a live region for screen readers', () => {
    const status = {
      level: 'failing' as const,
      sentence: said('Photos is read-only.'),
      detail: said('Since 14:02.'),
    }
    const header = <Header state={emptyState({ status })} unreachable={null} />
    const markup = renderMarkup(header)
    expect(markup).toMatch(
      /role="status" aria-live="polite"><h1 title="Photos is read-only\.">Photos is read-only\.<\/h1><p title="Since 14:02\.">/,
    )
  })

  test('the topic of the status changes with its subject, not with its numbers', () => {
    const sending = (count: number) => getTopic(message('status.sending', { count, size: 100 * count }), null)
    expect(sending(2)).toEqual(sending(3))
    const hung = (path: string, since: number) => getTopic(message('incident.hung', { path, since }), null)
    expect(hung('/a', 1)).toEqual(hung('/a', 2))
    expect(hung('/a', 1)).not.toEqual(hung('/b', 1))
    const safe = (detail: Message | null) => getTopic(message('status.safe', { count: 8 }), detail)
    const deleted = (count: number) => safe(message('status.deletedKeptHere', { count }))
    expect(deleted(8)).toEqual(deleted(9))
    expect(deleted(8)).not.toEqual(safe(null))
    expect(safe(message('status.lastFileNow'))).toEqual(safe(null))
  })

  test('further failures follow the detail in its line', () => {
    const more = [message('status.more', { count: 2 })]
    const status = {
      level: 'failing' as const,
      sentence: said('usb is full.'),
      detail: said('Since 14:02.'),
      more,
    }
    const header = <Header state={emptyState({ status })} unreachable={null} />
    expect(renderMarkup(header)).toContain('<p title="Since 14:02. 2 more problems.">')
  })

  test('the action that the status calls for is one button', () => {
    const seen = { kind: 'full' as const, acknowledged: { at: 0, by: 'ada' } }
    const incidents = [
      incident('i', { kind: 'emptied', sources: ['photos'] }),
      incident('seen', seen),
      incident('new', { kind: 'full' }),
    ]
    const action = (status: Partial<AppState['status']>) => {
      const base = { level: 'failing' as const, sentence: said('…'), detail: null }
      return findHeaderAction(emptyState({ status: { ...base, ...status }, incidents }))
    }
    const failure = (kind: 'emptied' | 'parked' | 'unreachable' | 'full', source: string | null = null) =>
      action({ failure: { kind, source } })
    expect(failure('emptied', 'photos')).toEqual({ kind: 'decide', incident: 'i' })
    expect(failure('emptied', 'other')).toEqual({ kind: 'decide', incident: null })
    expect(failure('parked')?.kind).toBe('retry')
    expect(failure('unreachable')?.kind).toBe('destinations')
    expect(failure('full')).toEqual({ kind: 'details', incident: 'new' })
    expect(action({ level: 'partial', detail: message('status.connectReceiver') })?.kind).toBe(
      'addDestination',
    )
    const hint = { detail: said('8 files deleted here.'), more: [message('status.connectReceiver')] }
    expect(action({ level: 'partial', ...hint })?.kind).toBe('addDestination')
    expect(action({ level: 'ok' })).toBeNull()
  })

  test('the pause button is labelled "Pause…", or "Paused: resume or pause longer…" during a pause', () => {
    expect(renderWords(<Header state={emptyState()} unreachable={null} />)).toContain('[Pause…]')
    const settings = { ...emptyState().settings, pause: { since: 0, until: null } }
    expect(renderWords(<Header state={emptyState({ settings })} unreachable={null} />)).toContain(
      '[Paused: resume or pause longer…]',
    )
  })

  test('an unresponsive agent is shown as a warning, not as ok', () => {
    const markup = renderMarkup(<Header state={emptyState()} unreachable={said('closed')} />)
    expect(markup).toContain('data-level="attention"')
    expect(markup).toContain('Holdfast is not responding.')
  })
})
