import { getPriority, setPriority } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { duringLongJob, goBeforeOthers } from '../../../core/lib/workers/priority.ts'
import { mayRaisePriority } from '../../support/priority.ts'

describe.skipIf(!mayRaisePriority())('the priority of a thread (needs CAP_SYS_NICE)', () => {
  afterEach(() => setPriority(0))

  test('a priority that somebody has given it stays', () => {
    setPriority(3)
    goBeforeOthers()
    expect(getPriority()).toBe(3)
    duringLongJob()()
    expect(getPriority()).toBe(3)
  })

  test('it goes before others, and stands back while it has long jobs', () => {
    goBeforeOthers()
    expect(getPriority()).toBe(-10)
    const one = duringLongJob()
    const other = duringLongJob()
    expect(getPriority()).toBe(0)
    one()
    expect(getPriority()).toBe(0)
    other()
    expect(getPriority()).toBe(-10)
  })
})
