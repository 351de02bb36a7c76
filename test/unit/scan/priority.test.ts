import { getPriority, setPriority } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { beginLongJob, raisePriority } from '../../../core/lib/workers/process.ts'
import { mayRaisePriority } from '../../support/scan/priority.ts'

describe.skipIf(!mayRaisePriority())('the priority of a thread (needs CAP_SYS_NICE)', () => {
  afterEach(() => setPriority(0))

  test('a priority that somebody has given it stays', () => {
    setPriority(3)
    raisePriority()
    expect(getPriority()).toBe(3)
    beginLongJob()()
    expect(getPriority()).toBe(3)
  })

  test('it goes before others, and stands back while it has long jobs', () => {
    raisePriority()
    expect(getPriority()).toBe(-10)
    const one = beginLongJob()
    const other = beginLongJob()
    expect(getPriority()).toBe(0)
    one()
    expect(getPriority()).toBe(0)
    other()
    expect(getPriority()).toBe(-10)
  })
})
