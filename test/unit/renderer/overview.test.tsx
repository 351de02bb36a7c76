import { describe, expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { OverviewPage } from '../../../renderer/features/overview/overview-page.tsx'
import { arrangeSources } from '../../../renderer/features/overview/source-search.tsx'
import {
  checkedPath,
  checkedState,
  destinationState,
  emptyState,
  incident,
  sourceState,
} from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const said = (reason: string) => message('problem.other', { reason })
const photos = sourceState('Photos', '/srv/ada/photos')

describe('overview page', () => {
  test('an empty page asks for the first directory, with "Add folder"', () => {
    const words = renderWords(<OverviewPage state={emptyState()} />)
    expect(words).toContain('What should Holdfast protect?')
    expect(words).toContain('Add folder')
  })

  test('a source is an article with its name, state, count, destination and actions', () => {
    const markup = renderMarkup(
      <OverviewPage state={emptyState({ sources: [photos], totals: photos.totals })} />,
    )
    expect(markup).toMatch(/<article[^>]*aria-label="Photos"/)
    expect(markup).toContain('aria-label="Actions for Photos"')
    expect(markup).toMatch(/Disk OK<.*last file <time/)
    expect(markup).toContain('8,120 copied here')
    expect(markup).toContain('8,120 files · 42 GiB · copied on this computer only')
    expect(markup).not.toContain(' ms')
  })

  test('a source on a failing disk shows its failure and since when; without that, the explanation', () => {
    const checked = checkedState('id', '/srv/ada/photos')
    const overall = {
      ...checked.overall,
      kind: 'read-only' as const,
      sentence: said('Photos went read-only.'),
    }
    const failing = { ...photos, checked: { ...checked, overall } }
    const words = renderWords(<OverviewPage state={emptyState({ sources: [failing] })} />)
    expect(words).toMatch(/read-only.* · Photos went read-only\./)
    const incidents = [incident('i1', { sources: [photos.settings.id], startedAt: Date.now() })]
    const since = renderWords(<OverviewPage state={emptyState({ sources: [failing], incidents })} />)
    expect(since).toMatch(/read-only · since \d\d:\d\d \[/)
  })

  test('a source with open files shows their number, since when, and the first path', () => {
    const open = { files: 1, since: Date.now(), path: 'd/out' }
    const source = { ...photos, scanned: { ...photos.scanned, open } as typeof photos.scanned }
    const words = renderWords(<OverviewPage state={emptyState({ sources: [source] })} />)
    expect(words).toMatch(/1 file open for writing since .*: d\/out/)
  })

  test('deleted files are counted in their row, and waiting files are counted in the heading', () => {
    const totals = { ...photos.totals, deletedFiles: 8 }
    const there = { id: 'embedded', totals, rate: 0, left: null, reported: true }
    const source = { ...photos, totals, destinations: [there] }
    const destinations = [
      destinationState('embedded', { name: 'nas-2' }),
      destinationState('usb', { name: 'usb' }),
    ]
    const state = emptyState({ sources: [source], destinations, totals: { ...totals, waitingFiles: 5 } })
    const words = renderWords(<OverviewPage state={state} />)
    expect(words).toContain('8 deleted here')
    expect(renderMarkup(<OverviewPage state={state} />)).toContain('8 deleted here, kept at nas-2"')
    expect(words).toContain('8,120 files · 42 GiB · safe at nas-2 · 5 more waiting')
  })

  test('a slow disk is mentioned, and only a failing one has another mark', () => {
    const checked = checkedState('id', '/srv/ada/photos')
    const of = (kind: 'slow' | 'hung') => {
      const source = { ...photos, checked: { ...checked, overall: { ...checked.overall, kind } } }
      return renderMarkup(<OverviewPage state={emptyState({ sources: [source] })} />)
    }
    expect(of('slow')).toMatch(/class="source"[^>]* data-level="ok".*slow/s)
    expect(of('hung')).toMatch(/class="source"[^>]* data-level="failing"/)
  })

  test('seven sources can be searched by name or path, with the failing one listed first', () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => sourceState(name, `/srv/${name}`))
    const failing = { ...checkedState('id', '/srv/g').overall, kind: 'hung' as const }
    const last = {
      ...many[6],
      checked: { ...checkedState('id', '/srv/g'), overall: failing },
    } as typeof photos
    const sources = [...many.slice(0, 6), last]
    const failures: AppState['failures'] = {
      'source-g': { level: 'failing', kind: 'hung', sentence: said('It hangs.'), detail: null },
    }
    const markup = renderMarkup(<OverviewPage state={emptyState({ sources, failures })} />)
    expect(markup).toContain('aria-label="Search folders"')
    expect(markup.indexOf('aria-label="g"')).toBeLessThan(markup.indexOf('aria-label="a"'))
    const arrange = (...given: [text: string, order: 'trouble' | 'name', also?: AppState['failures']]) =>
      arrangeSources(sources, given[0], given[1], { ...failures, ...given[2] }).map(
        (one) => one.settings.name,
      )
    expect(arrange(' SRV/C', 'trouble')).toEqual(['c'])
    expect(arrange('', 'name')[0]).toBe('a')
    const away = { kind: 'unreachable' as const, sentence: said('nas is away.'), detail: null }
    const names = arrange('', 'trouble', { 'source-f': { ...away, level: 'attention', destination: 'nas' } })
    expect(names.slice(0, 3)).toEqual(['g', 'f', 'a'])
    expect(renderMarkup(<OverviewPage state={emptyState({ sources: many.slice(0, 6) })} />)).not.toContain(
      'Search',
    )
  })

  test('a source shows progress only during a transfer, and otherwise its waiting count', () => {
    const totals = { ...photos.totals, waitingFiles: 1, waitingBytes: 100 }
    const waiting = {
      ...photos,
      totals,
      destinations: photos.destinations.map((one) => ({ ...one, totals })),
    }
    const transfer = {
      id: 1,
      source: photos.settings.id,
      path: 'IMG.CR3',
      size: 100,
      sentBytes: 61,
      destination: 'embedded',
    }
    const still = renderMarkup(<OverviewPage state={emptyState({ sources: [waiting] })} />)
    expect(still).not.toContain('progressbar')
    expect(still).toMatch(/1 waiting/)
    const moving = renderMarkup(
      <OverviewPage state={emptyState({ sources: [waiting], transfers: [transfer] })} />,
    )
    expect(moving).toContain('39 B to go')
    expect(moving).toContain('aria-valuenow="61"')
    expect(moving).toContain('Sending IMG.CR3')
  })

  test('checked paths come before sources only while one of them fails', () => {
    const well = checkedPath('/mnt/usb')
    const overall = { ...checkedState('id', '/mnt/usb').overall, kind: 'missing' as const }
    const failing = checkedPath('/mnt/usb', { checked: { ...checkedState('id', '/mnt/usb'), overall } })
    const incidents = [incident('i', { kind: 'missing', paths: { [well.id]: '/mnt/usb' } })]
    const words = (path: typeof well) => {
      const changes = { sources: [photos], checkedPaths: [path], ...(path === failing && { incidents }) }
      return renderWords(<OverviewPage state={emptyState(changes)} />)
    }
    expect(words(well)).toMatch(/\[Photos\].*\[Only checked\]/)
    expect(words(failing)).toMatch(/\[Only checked\].*\[Photos\]/)
  })

  test('a checked path is listed with its "Stop checking" button', () => {
    const words = renderWords(
      <OverviewPage state={emptyState({ checkedPaths: [checkedPath('/mnt/usb')] })} />,
    )
    expect(words).toContain('[Stop checking /mnt/usb]')
  })
})
