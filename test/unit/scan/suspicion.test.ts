import { describe, expect, it } from 'vitest'
import { classifyChange, isBack, isIncident } from '../../../core/scan/reconcile/mass-change-guard.ts'

const NOW = Date.UTC(2026, 10, 20)
const DAY = 24 * 3_600_000
const ns = (ms: number) => BigInt(ms) * 1_000_000n
const old = { size: 1000, mtimeNs: ns(NOW - 2 * DAY), inode: 7n }
const changedTo = (changes: Partial<typeof old>, isBatch = false, before = old) =>
  classifyChange(before, { ...before, mtimeNs: ns(NOW), ...changes }, isBatch, NOW)

describe('what a change of one file may be a sign of', () => {
  it.each<[string, Partial<typeof old>, ReturnType<typeof changedTo>]>([
    ['it is empty', { size: 0 }, 'lost'],
    ['it is empty, under another inode', { size: 0, inode: 8n }, 'lost'],
    ['most of it is gone', { size: 499 }, 'lost'],
    ['half of it is there', { size: 500, inode: 8n }, null],
    ['another content of its size in place', {}, 'changed'],
    ['the same with a trailer', { size: 1090 }, 'changed'],
    ['more was appended', { size: 1200 }, null],
    ['it was saved anew', { inode: 8n }, null],
    ['only its mode is another', { mtimeNs: old.mtimeNs }, null],
  ])('%s', (_, changes, wanted) => {
    expect(changedTo(changes)).toBe(wanted)
  })

  it('is nothing in a file that changes all the time, was empty, or is a producer’s', () => {
    expect(changedTo({}, false, { ...old, mtimeNs: ns(NOW - 3_600_000) })).toBeNull()
    expect(changedTo({ size: 0 }, false, { ...old, size: 0 })).toBeNull()
    expect(changedTo({ size: 10 }, true)).toBeNull()
    expect(changedTo({}, true)).toBeNull()
    expect(changedTo({ size: 0 }, true)).toBe('lost')
  })
})

describe('many of them', () => {
  const of = (lost: number, changed: number, known: number) => isIncident({ lost, changed, known })

  it('are an incident where they are a share of what was sent', () => {
    expect([of(10, 0, 50), of(10, 0, 51), of(9, 0, 9), of(2_000, 0, 10_000)]).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect([of(0, 50, 100), of(0, 49, 49), of(0, 500, 1_001)]).toEqual([true, false, false])
  })

  it('are back once what was sent is there again', () => {
    const lost = { ...old, suspicion: 'lost' as const }
    expect([isBack(lost, old), isBack(lost, { ...old, size: 400 })]).toEqual([true, false])
    const changed = { ...old, suspicion: 'changed' as const }
    expect(isBack(changed, { ...old, inode: 9n, mtimeNs: old.mtimeNs - ns(999) })).toBe(true)
    expect(isBack(changed, { ...old, mtimeNs: ns(NOW) })).toBe(false)
  })
})
