import { getPriority, setPriority } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { beginLongJob, raisePriority } from '../../../core/lib/workers/process.ts'
import { mayRaisePriority } from '../../support/scan/priority.ts'

describe.skipIf(!mayRaisePriority())('thread priority (needs CAP_SYS_NICE)', () => {
  afterEach(() => setPriority(0))

  test('a priority set from outside is kept', () => {
    setPriority(3)
    raisePriority()
    expect(getPriority()).toBe(3)
    beginLongJob()()
    expect(getPriority()).toBe(3)
  })

  test('a raised priority returns to normal during long jobs and is raised again after the last', () => {
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
