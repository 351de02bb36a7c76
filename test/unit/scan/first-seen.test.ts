import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BatchMetadata, decideBatches, FirstSeen } from '../../../core/scan/batch/rules.ts'

const HOUR = 3600
const YEAR = 365 * 24 * HOUR
const NOW = 10 * YEAR

/** An open batch directory that changed at this time, in seconds. */
const open = (name: string, at: number): BatchMetadata => ({
  ...{ name, inode: BigInt(name.slice(2)), mtimeNs: BigInt(at) * 1_000_000_000n },
  ...{ bornAtNs: null, closedAtNs: null, sentAtNs: null, foreignSinceNs: null },
})

/** Looks one after the other, each with what is there; the clock says `NOW`. */
function looks() {
  vi.useFakeTimers({ now: NOW * 1000 })
  onTestFinished(() => void vi.useRealTimers())
  const firstSeen = new FirstSeen()
  return (batches: BatchMetadata[], unsendable: string[] = []) => {
    const seen = firstSeen.note(
      batches,
      unsendable.map((path) => ({ why: 'directory', path, code: 'EACCES' })),
    )
    return decideBatches(batches, false, seen).map(({ name, action }) => `${name} ${action}`)
  }
}

describe('a batch directory first seen after one that changed later', () => {
  test('counts as live if its time is recent, because the clock was set back', () => {
    const look = looks()
    expect(look([open('DC1', NOW + HOUR)])).toEqual(['DC1 watch'])
    expect(look([open('DC1', NOW + HOUR), open('DC2', NOW - 1)])).toEqual(['DC2 watch', 'DC1 watch'])
    expect(look([open('DC1', NOW + HOUR), open('DC2', NOW + 300)])).toEqual(['DC2 watch', 'DC1 watch'])
  })

  test('counts as old if its time is old, because it was moved in', () => {
    const look = looks()
    expect(look([open('DC2', NOW)])).toEqual(['DC2 watch'])
    expect(look([open('DC2', NOW), open('DC1', NOW - YEAR)])).toEqual(['DC1 send', 'DC2 watch'])
  })

  test('counts as old once its time becomes old, because it was copied with its time', () => {
    const look = looks()
    look([open('DC2', NOW)])
    expect(look([open('DC2', NOW), open('DC1', NOW - 1)])).toEqual(['DC1 watch', 'DC2 watch'])
    expect(look([open('DC2', NOW), open('DC1', NOW - YEAR)])).toEqual(['DC1 send', 'DC2 watch'])
    expect(look([open('DC2', NOW), open('DC1', NOW - YEAR)])).toEqual(['DC1 send', 'DC2 watch'])
  })

  test('counts as old if its time is old and it was unreadable before', () => {
    const look = looks()
    expect(look([open('DC2', NOW)], ['DC1'])).toEqual(['DC2 watch'])
    expect(look([open('DC2', NOW), open('DC1', NOW - YEAR)])).toEqual(['DC1 send', 'DC2 watch'])
  })
})
