import { describe, expect, it } from 'vitest'
import { findConditions } from '../../../core/agent/state/find-conditions.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import {
  NOW,
  receiver,
  receivingWith,
  senderWith,
  sending,
  sent,
  stateWith,
  status,
  well,
} from '../../support/agent/status.ts'

describe('overall status', () => {
  it('the level is ok only with a receiver on another computer', () => {
    const lastFile = { path: 'x', at: NOW - 60_000 }
    expect(status({ totals: sent, destinations: [receiver], sources: [{ ...well, lastFile }] })).toEqual({
      level: 'ok',
      sentence: 'All 12,402 files are safe.',
      detail: 'Last file 1 min ago.',
    })
    const here = status({ totals: sent, destinations: [{ ...receiver, elsewhere: false }] })
    expect(here.level).toBe('partial')
    expect(here.sentence).toBe('12,402 files copied on this computer only.')
    expect(here.detail).toContain('Add a destination')
  })

  it('the level is starting until each source is compared and each sender has reported', () => {
    const scanned = { id: 'a', phase: 'listing' as const, problems: [], batches: [] }
    const unknown: SourceState = { ...well, scanned }
    const starting = { level: 'starting', sentence: 'Looking at your folders…', detail: null }
    const safe = { totals: sent, destinations: [receiver] }
    expect(status({ ...safe, sources: [unknown] })).toEqual(starting)
    expect(status({ ...safe, sources: [unknown, sending] }).level).toBe('working')
    const again: SourceState = { ...unknown, scanned: { ...scanned, compared: true } }
    expect(status({ ...safe, sources: [again] }).level).toBe('ok')
    const unheard = well.destinations.map((one) => ({ ...one, reported: false }))
    expect(status({ ...safe, sources: [{ ...well, destinations: unheard }] })).toEqual(starting)
    const paused = { ...unknown, settings: { ...unknown.settings, paused: true } }
    expect(status({ ...safe, sources: [well, paused] }).level).toBe('paused')
    const path = '/data'
    const gone = { ...scanned, phase: 'missing' as const, problems: [message('scan.rootMissing', { path })] }
    expect(status({ ...safe, sources: [{ ...well, scanned: gone }] }).level).toBe('attention')
  })

  it('a pause is named beside stations that need attention', () => {
    const senders = [
      senderWith('a', { connected: true, level: 'attention', sentence: 'nas is away.', statusAt: NOW }),
    ]
    const pause = { since: NOW, until: null }
    const paused = { receiving: receivingWith({ senders }), settings: { ...defaultSettings, pause } }
    expect(status(paused)).toEqual({
      level: 'attention',
      sentence: '1 of 1 stations needs attention.',
      detail: 'nas is away. Sending is paused.',
    })
    const deleted = { since: null, files: 2, known: 46 }
    const scanned = { ...(well.scanned ?? expect.fail()), deleted }
    expect(status({ ...paused, sources: [{ ...well, scanned }] }).detail).toMatch(
      /deleted.* nas is away\. Sending is paused\.$/,
    )
  })

  it('a computer that only receives is described by its senders and their files', () => {
    const only = (...senders: Partial<ReturnType<typeof senderWith>>[]) =>
      status({
        sources: [],
        receiving: receivingWith({ senders: senders.map((one, index) => senderWith(`${index}`, one)) }),
      })
    const sentence = 'Ready to receive files.'
    expect(only()).toEqual({ level: 'starting', sentence, detail: 'Add a station to begin.' })
    const starting = receivingWith({ senders: [senderWith('a')], isRunning: false })
    expect(status({ sources: [], receiving: starting }).level).not.toBe('ok')
    const two = { level: 'ok', sentence: 'Receives from 2 computers.' }
    expect(only({}, {})).toEqual({ ...two, detail: 'No files received yet. None is connected.' })
    const gone = [
      { files: 1200, bytes: 2_000_000_000, seenAt: NOW - 120_000 },
      { files: 40, bytes: 100_000_000, seenAt: NOW - 3_600_000 },
    ]
    expect(only(...gone).detail).toMatch(/^1,240 files received, .*B\. Last connection 2 min ago\.$/)
    const here = { files: 1, bytes: 1000, seenAt: NOW, connected: true }
    expect(only(here, {}).detail).toMatch(/^1 file received, .* 1 is connected\.$/)
    expect(status({ receiving: receivingWith({ senders: [senderWith('a')] }) }).sentence).not.toContain(
      'Receives',
    )
  })

  it('only files that are here are counted as safe, and those deleted in the last hour are named', () => {
    const totals = { ...sent, sentFiles: 38, deletedFiles: 48 }
    const there = { id: 'there', totals, rate: 0, left: null, reported: true }
    const lastFile = { path: 'x', at: NOW - 59_000 }
    const deletedAs = (deleted: { since: null; files: number; known: number } | null): SourceState => ({
      ...well,
      ...{ totals, lastFile, destinations: [there], scanned: well.scanned && { ...well.scanned, deleted } },
    })
    const said = { level: 'ok', sentence: 'All 38 files are safe.' }
    expect(status({ totals, sources: [deletedAs(null)] })).toEqual({
      ...said,
      detail: 'Last file just now.',
    })
    const source = deletedAs({ since: null, files: 8, known: 46 })
    const detail = '8 files deleted here, kept at nas-2.'
    expect(status({ totals, sources: [source, well] })).toEqual({
      ...said,
      detail: `${detail} Last file just now.`,
    })
    expect(findConditions(stateWith({ sources: [source] }), NOW)).toContainEqual(
      expect.objectContaining({ id: 'deleted:a', kind: 'ok' }),
    )
    const back = deletedAs(null)
    const found = (returned: boolean) =>
      findConditions(
        stateWith({ sources: [{ ...back, scanned: back.scanned && { ...back.scanned, returned } }] }),
        NOW,
      ).find(({ id }) => id === 'deleted:a')
    expect(found(true)).toHaveProperty('outcome', 'returned')
    expect(found(false)).not.toHaveProperty('outcome')
    const here = { totals, sources: [source], destinations: [{ ...receiver, elsewhere: false }] }
    expect(status(here)).toMatchObject({
      level: 'partial',
      detail: `${detail} Add a destination elsewhere for safety.`,
    })
    const removed = { ...noTotals, removedFiles: 7 }
    const emptied = { ...source, totals: removed, destinations: [{ ...there, totals: removed }] }
    expect(status({ totals: removed, sources: [emptied] }).sentence).toBe(
      '7 files were sent and removed here.',
    )
  })

  it('a sudden share of deleted files is a warning that names the destinations that keep them', () => {
    const totals = { ...sent, sentFiles: 6, deletedFiles: 40 }
    const there = { id: 'there', totals, rate: 0, left: null, reported: true }
    const deleted = { since: NOW - 1_000, files: 40, known: 46 }
    const scanned = {
      id: 'a',
      phase: 'watching' as const,
      compared: true,
      problems: [],
      batches: [],
      deleted,
    }
    const state = { totals, sources: [{ ...well, totals, destinations: [there], scanned }] }
    expect(status(state)).toEqual({
      level: 'attention',
      sentence: '40 of 46 files in data were deleted.',
      detail: 'They are kept at nas-2.',
    })
    const back = {
      ...state,
      sources: state.sources.map((one) => ({ ...one, destinations: [{ ...there, totals: sent }] })),
    }
    expect(status(back).detail).toBe('They are kept at nas-2.')
    const [found] = findConditions(stateWith(state), NOW).filter(({ kind }) => kind === 'deleted')
    expect(found).toMatchObject({ id: 'deleted:a', tellAfterMs: 0, since: NOW - 1_000 })
    expect(found?.kind === 'deleted' && englishWords(found.sentence)).toBe(
      '40 of 46 files in data were deleted. They are kept at nas-2.',
    )
  })

  it('files are called safe only where every source has a destination on another computer', () => {
    const local = { ...receiver, id: 'local', elsewhere: false }
    const at = (...ids: string[]) => ({
      ...well,
      destinations: ids.map((id) => ({ id, totals: noTotals, rate: 0, left: null, reported: true })),
    })
    const getSentence = (sources: SourceState[]) =>
      status({ totals: sent, destinations: [receiver, local], sources }).sentence
    expect(getSentence([at('there', 'local')])).toContain('are safe')
    expect(getSentence([at('there'), at('local')])).toContain('on this computer only')
  })

  it('copies at a receiver on this computer are shown as on this computer only', () => {
    const here = { ...receiver, elsewhere: false }
    expect(status({ totals: sent, destinations: [here] }).sentence).toContain('on this computer only')
  })

  it('a closed batch without files, or with files that are never sent, gives the level partial', () => {
    const of = (key: 'scan.leftInBatch' | 'scan.emptyBatch') => {
      const problems = [message(key, { path: '/data/DC1', mark: 'w', count: 2 })]
      return status({
        totals: sent,
        sources: [{ ...well, scanned: { ...well.scanned, problems } as SourceState['scanned'] }],
      })
    }
    expect(of('scan.leftInBatch')).toEqual({
      level: 'partial',
      sentence: '2 files left out in a batch of data.',
      detail: expect.stringContaining('2 files in it were not sent'),
    })
    expect(of('scan.emptyBatch').level).toBe('partial')
  })

  it('a file that is open for writing gives the level partial, and the first one is named', () => {
    const scanned = (open: { files: number; since: number; path: string }) =>
      ({ ...well.scanned, open }) as SourceState['scanned']
    const first = { ...well, scanned: scanned({ files: 1, since: NOW - 60_000, path: 'd/out' }) }
    const second = { ...well, scanned: scanned({ files: 2, since: NOW, path: 'other' }) }
    const told = status({ totals: sent, destinations: [receiver], sources: [first] })
    expect(told.level).toBe('partial')
    expect(told.sentence).toMatch(/^1 file open for writing since .*\.$/)
    expect(told.detail).toMatch(
      /^\/data\/d\/out, open since .*, is copied when its program closes it. Everything else is copied.$/,
    )
    const both = status({ totals: sent, destinations: [receiver], sources: [second, first] })
    expect(both.sentence).toBe('3 files are open for writing.')
    expect(both.detail).toContain('/data/d/out')
  })

  it('a state without sources asks for the first directory', () => {
    expect(status({ sources: [] })).toMatchObject({ level: 'starting', detail: 'Add a folder to begin.' })
  })
})
