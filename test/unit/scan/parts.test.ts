import { describe, expect, test } from 'vitest'
import { Rerun } from '../../../core/lib/async/rerun.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { MAX_PROBLEMS, Problems } from '../../../core/scan/source.ts'

const problem = (path: string) => message('scan.nameNotUtf8', { path })

describe('scan problems', () => {
  test('a problem added twice is listed once and reported as one change', () => {
    let changes = 0
    const problems = new Problems(() => {
      changes += 1
    })
    problems.add(problem('a'))
    problems.add(problem('a'))
    expect(problems.list()).toEqual([problem('a')])
    expect(changes).toBe(1)
  })

  test('the list holds at most 20 problems, the newest last', () => {
    const problems = new Problems(() => undefined)
    for (let index = 0; index < 30; index += 1) problems.add(problem(String(index)))
    expect(problems.list()).toHaveLength(MAX_PROBLEMS)
    expect(problems.list().at(-1)).toEqual(problem('29'))
  })

  test('a removed problem is no longer listed, even if its other parameters differ', () => {
    let changes = 0
    const problems = new Problems(() => {
      changes += 1
    })
    for (const path of ['a', 'b']) problems.add(problem(path))
    problems.remove(message('scan.nameNotUtf8', { path: 'a', mark: 'x' }))
    problems.remove(problem('a'))
    expect(problems.list()).toEqual([problem('b')])
    expect(changes).toBe(3)
  })

  test('a listing removes the problems that it does not find again', () => {
    const problems = new Problems(() => undefined)
    problems.add(problem('gone'))
    problems.add(problem('still'))
    const finish = problems.sweep()
    problems.add(problem('still'))
    finish()
    expect(problems.list()).toEqual([problem('still')])
  })
})

describe('rerun', () => {
  test('requests during a run share one further run and wait for it', async () => {
    const releases: (() => void)[] = []
    let runs = 0
    const rerun = new Rerun(
      async () => {
        runs += 1
        await new Promise<void>((resolve) => releases.push(resolve))
      },
      () => undefined,
    )
    const first = rerun.request()
    const later = [rerun.request(), rerun.request(), rerun.request()]
    releases.shift()?.()
    await first
    await new Promise((resolve) => setImmediate(resolve))
    expect(runs).toBe(2)
    releases.shift()?.()
    await Promise.all(later)
    expect(runs).toBe(2)
  })

  test('a failed run is reported and allows further runs, and a stopped rerun does not run', async () => {
    const failures: unknown[] = []
    let runs = 0
    const rerun = new Rerun(
      async () => {
        runs += 1
        throw new Error('no')
      },
      (error) => failures.push(error),
    )
    await rerun.request()
    await rerun.request()
    expect([runs, failures.length]).toEqual([2, 2])
    rerun.stop()
    await rerun.request()
    expect(runs).toBe(2)
  })
})
