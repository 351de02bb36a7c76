import { describe, expect, it } from 'vitest'
import { isHeld } from '../../../core/agent/state/derived.ts'
import type { SourceState, SurroundingsAnswer } from '../../../core/agent/state/schema.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { NOW, receiver, sending, sent, status, waiting, well } from '../../support/agent/status.ts'

describe('overall status while sending or paused', () => {
  it('the sentence gives the files, and the detail bytes and time to go', () => {
    expect(status({ sources: [sending], left: 180_000 })).toMatchObject({
      level: 'working',
      sentence: 'Sending 128 files.',
      detail: '2 GiB to go, about 3 min.',
    })
  })

  it('files are not called being sent while no link to a destination for them is open', () => {
    const to = (state: 'connecting' | 'unreachable' | 'connected', changes = {}) => ({
      ...receiver,
      connection: { state, since: NOW - 1_000, problem: null },
      ...changes,
    })
    const connecting = { level: 'working', sentence: 'Connecting to nas-2…', detail: '128 files wait here.' }
    for (const state of ['connecting', 'unreachable'] as const)
      expect(status({ sources: [sending], destinations: [to(state)] })).toEqual(connecting)
    const other = to('connected', { id: 'other', name: 'other' })
    expect(status({ sources: [sending], destinations: [to('connecting'), other] })).toEqual(connecting)
    const embedded = to('connecting', { id: 'embedded', kind: 'embedded', name: '' })
    expect(status({ sources: [sending], destinations: [embedded] }).sentence).toBe('128 files wait here.')
    const open = [to('connecting'), to('connected', { id: 'embedded', name: 'shelf' })]
    expect(status({ sources: [sending], destinations: open }).sentence).toBe('Sending 128 files.')
  })

  it('a file that keeps changing shows the time of its next version instead of an estimate', () => {
    const file = { source: 'a', path: 'measure.log', size: 40, tries: 0, since: null, storedAt: NOW - 60_000 }
    const restless = [{ ...file, nextAt: NOW + 240_000 }]
    const destinations = well.destinations.map((one) => ({ ...one, restless }))
    const totals = { ...noTotals, waitingFiles: 1, waitingBytes: 40 }
    const { level, sentence, detail } = status({ sources: [{ ...well, destinations, totals }], totals })
    expect(level).toBe('working')
    expect(sentence).toBe('1 file keeps changing.')
    expect(detail).toContain('Its next version is sent at')
  })

  it('files of which none is due yet are shown as waiting, until one is due', () => {
    const totals = { ...noTotals, waitingFiles: 1, waitingBytes: 40 }
    const shown = (...dues: (number | undefined)[]) => {
      const destinations = well.destinations.map((one, index) => {
        const nextDue = dues[index]
        return { ...one, totals, ...(nextDue === undefined ? {} : { nextDue }) }
      })
      return status({ sources: [{ ...well, destinations, totals }], totals })
    }
    expect(shown(NOW + 9_600, NOW + 60_000)).toEqual({
      level: 'working',
      sentence: '1 file waits here.',
      detail: 'Sending continues in less than a minute.',
    })
    expect(shown(NOW + 60_000, NOW + 90_000).detail).toMatch(/^Sending continues at .*\d\.$/)
    expect(shown(NOW + 9_600).sentence).toBe('Sending 1 file.')
    expect(shown(NOW, NOW).sentence).toBe('Sending 1 file.')
  })

  it('files that wait for their minimum age are shown with the age', () => {
    const totals = { ...noTotals, waitingFiles: 2, waitingBytes: 40 }
    const destinations = well.destinations.map((one) => ({ ...one, totals, nextDue: NOW + 60_000 }))
    const settings = { ...well.settings, minimumAgeSeconds: 3_600 }
    expect(status({ sources: [{ ...well, settings, destinations, totals }], totals })).toEqual({
      level: 'working',
      sentence: '2 files wait here.',
      detail: 'Each is sent 1 hr after its last change.',
    })
  })

  it('no number of waiting files is shown while a pause lasts and the folders are not compared yet', () => {
    const settings = { ...defaultSettings, pause: { since: NOW - 1, until: null } }
    const sentence = (source: SourceState) => status({ settings, sources: [source] }).sentence
    expect(sentence({ ...well, scanned: null })).toBe('Sending is paused.')
    expect(sentence(well)).toBe('Paused. 0 files wait.')
  })

  it('files of a paused source are not shown as being sent', () => {
    const paused = (name: string, waitingFiles: number): SourceState => ({
      ...well,
      settings: { ...well.settings, name, paused: true },
      totals: { ...noTotals, waitingFiles },
    })
    const sources = [paused('few', 2), paused('many', 340)]
    expect(status({ sources, totals: { ...noTotals, waitingFiles: 342 } })).toEqual({
      level: 'paused',
      sentence: 'many is paused.',
      detail: '340 files wait there. New files are not sent.',
    })
    expect(status({ sources: [...sources, sending], left: 180_000 })).toMatchObject({
      level: 'working',
      sentence: 'Sending 128 files.',
      detail: '2 GiB to go.',
    })
    const going = { sources: [paused('none', 0), { ...well, totals: waiting }], left: 180_000 }
    expect(status(going).detail).toContain('about 3 min')
    expect(status({ sources: [{ ...well, totals: sent }, paused('none', 0)], totals: sent })).toEqual({
      level: 'paused',
      sentence: 'none is paused.',
      detail: 'New files there are not sent.',
    })
  })

  it('files that wait only for an ejected disk are not shown as being sent, and turn the icon grey', () => {
    const usb = { ...receiver, id: 'usb', kind: 'folder' as const, name: 'usb', ejectedAt: NOW - 60_000 }
    const destinations = [receiver, { ...usb, totals: { ...noTotals, waitingFiles: 34 } }]
    const there = { id: 'there', totals: sent, rate: 0, left: null, reported: true }
    const atUsb = { ...there, id: 'usb', totals: { ...noTotals, waitingFiles: 34, waitingBytes: 1024 } }
    const totals = { ...sent, waitingFiles: 34, waitingBytes: 1024 }
    const source = { ...well, destinations: [there, atUsb], totals }
    expect(status({ destinations, sources: [source], totals })).toEqual({
      level: 'paused',
      sentence: 'usb is ejected. 34 files wait here.',
      detail: null,
    })
    const both = { ...source, destinations: [{ ...there, totals: waiting }, atUsb], totals: waiting }
    expect(status({ destinations, sources: [both], totals: waiting })).toMatchObject({
      level: 'working',
      sentence: 'Sending 128 files.',
      detail: '2 GiB to go.',
    })
    expect(
      status({ destinations: [receiver, usb], sources: [{ ...well, totals: sent }], totals: sent }),
    ).toMatchObject({
      level: 'ok',
      sentence: 'All 12,402 files are safe.',
    })
  })

  it('a pause by the schedule is shown with its end, and a manual pause comes first', () => {
    const allowance = { now: { kind: 'pause' as const }, until: new Date(2026, 10, 20, 18).getTime() }
    expect(status({ allowance, totals: waiting })).toMatchObject({
      level: 'paused',
      sentence: expect.stringMatching(/^Scheduled pause until .*18:00. 128 files wait.$/),
    })
    expect(status({ allowance: { ...allowance, until: null }, totals: waiting }).sentence).toBe(
      'Paused by the schedule. 128 files wait.',
    )
    const paused = { ...defaultSettings, pause: { since: NOW, until: null } }
    expect(status({ allowance, settings: paused, totals: waiting }).sentence).toBe('Paused. 128 files wait.')
  })

  it('a pause on battery or a metered network comes before the schedule, and only where it is set', () => {
    const allowance = { now: { kind: 'pause' as const }, until: null }
    const surroundings = { battery: 'yes' as const, metered: 'yes' as const }
    const said = (send: Partial<typeof defaultSettings.send>, pause: typeof defaultSettings.pause = null) => {
      const settings = { ...defaultSettings, pause, send: { ...defaultSettings.send, ...send } }
      return status({ allowance, surroundings, settings, totals: waiting })
    }
    const both = { pauseOnBattery: true, pauseOnMetered: true }
    expect(said(both)).toEqual({
      level: 'paused',
      sentence: 'Paused: on battery. 128 files wait.',
      detail: null,
    })
    expect(said({ pauseOnMetered: true }).sentence).toBe('Paused: on a metered network. 128 files wait.')
    expect(said({}).sentence).toBe('Paused by the schedule. 128 files wait.')
    expect(said(both, { since: NOW, until: null }).sentence).toBe('Paused. 128 files wait.')
  })

  it('a pause on battery holds files back on battery and until the first answer', () => {
    const held = (battery: SurroundingsAnswer, pauseOnBattery = true) =>
      isHeld({
        settings: { ...defaultSettings, send: { ...defaultSettings.send, pauseOnBattery } },
        surroundings: { battery, metered: 'yes' },
      })
    expect((['yes', 'unasked'] as const).map((answer) => held(answer))).toEqual([true, true])
    expect((['no', 'unknown', 'unsupported'] as const).some((answer) => held(answer))).toBe(false)
    expect(held('yes', false)).toBe(false)
  })

  it('the time left is given in whole minutes, and in the last minute not at all', () => {
    const sending = { ...well, totals: { ...noTotals, waitingFiles: 1 } }
    expect(status({ sources: [sending], left: 119_000 }).detail).toContain('about 2 min.')
    expect(status({ sources: [sending], left: 59_900 }).detail).toMatch(/ to go\.$/)
  })

  it('a pause with an end gives the level paused', () => {
    const settings = { ...defaultSettings, pause: { since: NOW, until: NOW + 3_600_000 } }
    expect(status({ settings, totals: { ...waiting, waitingFiles: 12 } })).toMatchObject({ level: 'paused' })
  })
})
