import { describe, expect, it } from 'vitest'
import { classifyChange, isBack, isIncident } from '../../../core/scan/reconcile/mass-change-guard.ts'

const NOW = Date.UTC(2026, 10, 20)
const DAY = 24 * 3_600_000
const ns = (ms: number) => BigInt(ms) * 1_000_000n
const old = { size: 1000, mtimeNs: ns(NOW - 2 * DAY), inode: 7n }
const changedTo = (changes: Partial<typeof old>, isBatch = false, before = old) =>
  classifyChange(before, { ...before, mtimeNs: ns(NOW), ...changes }, isBatch, NOW)

describe('mass-change guard, one file', () => {
  it.each<[string, Partial<typeof old>, ReturnType<typeof changedTo>]>([
    ['an emptied file is classified as lost', { size: 0 }, 'lost'],
    ['an emptied file with another inode is classified as lost', { size: 0, inode: 8n }, 'lost'],
    ['a file with less than half of its size left is classified as lost', { size: 499 }, 'lost'],
    ['a file with half of its size left is not suspicious', { size: 500, inode: 8n }, null],
    ['a rewrite in place at the same size is classified as changed', {}, 'changed'],
    ['a rewrite in place with a trailer is classified as changed', { size: 1090 }, 'changed'],
    ['a file that grew by a fifth is not suspicious', { size: 1200 }, null],
    ['a file saved under a new inode is not suspicious', { inode: 8n }, null],
    ['a change of the mode alone is not suspicious', { mtimeNs: old.mtimeNs }, null],
  ])('%s', (_, changes, wanted) => {
    expect(changedTo(changes)).toBe(wanted)
  })

  it('a recently changed or empty file is not suspicious, and a batch file only if it is emptied', () => {
    expect(changedTo({}, false, { ...old, mtimeNs: ns(NOW - 3_600_000) })).toBeNull()
    expect(changedTo({ size: 0 }, false, { ...old, size: 0 })).toBeNull()
    expect(changedTo({ size: 10 }, true)).toBeNull()
    expect(changedTo({}, true)).toBeNull()
    expect(changedTo({ size: 0 }, true)).toBe('lost')
  })
})

describe('mass-change guard, many files', () => {
  const of = (lost: number, changed: number, known: number) => isIncident({ lost, changed, known })

  it('lost files are an incident from 10 and a fifth of all, changed files from 50 and half of all', () => {
    expect([of(10, 0, 50), of(10, 0, 51), of(9, 0, 9), of(2_000, 0, 10_000)]).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect([of(0, 50, 100), of(0, 49, 49), of(0, 500, 1_001)]).toEqual([true, false, false])
  })

  it('a lost file is back with its sent size, a changed file with its sent time', () => {
    const lost = { ...old, suspicion: 'lost' as const }
    expect([isBack(lost, old), isBack(lost, { ...old, size: 400 })]).toEqual([true, false])
    const changed = { ...old, suspicion: 'changed' as const }
    expect(isBack(changed, { ...old, inode: 9n, mtimeNs: old.mtimeNs - ns(999) })).toBe(true)
    expect(isBack(changed, { ...old, mtimeNs: ns(NOW) })).toBe(false)
  })
})
