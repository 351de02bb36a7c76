import { describe, expect, test } from 'vitest'
import { type BatchMetadata, decideBatches } from '../../../core/scan/batch/rules.ts'

const SECOND = 1_000_000_000n

function directory(name: string, at: number, marks: { parse?: number; watch?: number; born?: number } = {}) {
  const time = (seconds: number | undefined) => (seconds === undefined ? null : BigInt(seconds) * SECOND)
  return {
    name,
    inode: 1n,
    mtimeNs: BigInt(at) * SECOND,
    bornAtNs: time(marks.born),
    closedAtNs: time(marks.parse),
    sentAtNs: time(marks.watch),
    foreignSinceNs: null,
  } satisfies BatchMetadata
}

const decided = (...directories: BatchMetadata[]) =>
  decideBatches(directories, false).map(
    ({ name, action, notClosed }) => `${name} ${action}${notClosed ? ' !' : ''}`,
  )

describe('batch rules, state table of isocket', () => {
  const newer = directory('DC2', 200)
  test.each([
    // finished.watch, finished.parse, newest?, action
    [true, true, false, 'nothing'],
    [true, false, false, 'nothing !'],
    [false, true, false, 'send'],
    [false, false, false, 'send'],
    [true, true, true, 'nothing'],
    [true, false, true, 'nothing !'],
    [false, true, true, 'send'],
    [false, false, true, 'watch'],
  ])('finished.watch %s, finished.parse %s, newest %s: the action is %s', (watch, parse, newest, action) => {
    const marks = { ...(watch ? { watch: 100 } : {}), ...(parse ? { parse: 99 } : {}) }
    const one = directory('DC1', 100, marks)
    expect(decided(...(newest ? [one] : [newer, one]))[0]).toBe(`DC1 ${action}`)
  })
})

describe('batch order', () => {
  test('directories are ordered oldest first, whatever their names', () => {
    expect(decided(directory('a', 3), directory('b', 1), directory('c', 2))).toEqual([
      'b send',
      'c send',
      'a watch',
    ])
  })

  test('directories with equal times are ordered by name', () => {
    expect(decided(directory('DC2', 1), directory('DC1', 1))).toEqual(['DC1 send', 'DC2 watch'])
  })

  test('a sent mark or a cleanup does not make an old directory the newest', () => {
    // DC1 was marked at 300, after the last file of the live DC2, and emptied at 400.
    const marked = directory('DC1', 400, { watch: 100 })
    expect(decided(directory('DC2', 200), marked)).toEqual(['DC1 nothing !', 'DC2 watch'])
    // A mark that another program made has its own time; then the births tell.
    const foreign = directory('DC1', 300, { parse: 100, watch: 300, born: 50 })
    expect(decided(directory('DC2', 200, { born: 100 }), foreign)).toEqual(['DC2 watch', 'DC1 nothing'])
  })

  test('a directory created before the previous one was closed is still the newest', () => {
    const before = directory('DC1', 210, { parse: 210, born: 100 })
    expect(decided(before, directory('DC2', 200, { born: 200 }))).toEqual(['DC2 watch', 'DC1 send'])
  })

  test('directories created at the same time are ordered by change time alone', () => {
    const before = directory('DC1', 100, { born: 500 })
    expect(decided(before, directory('DC2', 200, { parse: 200, born: 500 }))).toEqual([
      'DC1 send',
      'DC2 send',
    ])
  })

  test('an unclosed directory that changed later is the newest, whenever it was created', () => {
    const reborn = directory('DC1', 100, { born: 500 })
    expect(decided(reborn, directory('DC2', 200, { born: 100 }))).toEqual(['DC1 send', 'DC2 watch'])
  })

  test('a directory first seen after all others is live, whatever its times, if the clock was set back', () => {
    const [closed, open] = [
      directory('DC1', 300, { parse: 300, born: 290 }),
      directory('DC2', 310, { born: 280 }),
    ]
    const fresh = directory('DC3', 100, { born: 100 })
    const order = ['DC1', 'DC2', 'DC3']
    const actions = (...seen: number[]) =>
      decideBatches([closed, open, fresh], false, ({ name }) => seen[order.indexOf(name)] ?? 0).map(
        ({ action }) => action,
      )
    expect(actions(1, 1, 1)).toEqual(['send', 'send', 'watch'])
    expect(actions(1, 1, 2)).toEqual(['watch', 'send', 'watch'])
    // What comes next, by the same clock, has overtaken it.
    const next = directory('DC4', 200, { born: 200 })
    const decisions = decideBatches([fresh, next], false, ({ name }) => (name === 'DC4' ? 3 : 2))
    expect(decisions.map(({ action }) => action)).toEqual(['send', 'watch'])
  })

  test('5,000 directories are decided with a bounded number of comparisons each', () => {
    let looks = 0
    const count: ProxyHandler<BatchMetadata> = {
      get(facts, key: keyof BatchMetadata) {
        looks += 1
        return facts[key]
      },
    }
    const many = Array.from({ length: 5_000 }, (_, index) => new Proxy(directory(`DC${index}`, index), count))
    const decisions = decideBatches(many, false)
    expect(looks).toBeLessThan(100 * many.length)
    expect(decisions.filter(({ action }) => action === 'watch')).toHaveLength(1)
  })

  test('an empty list gives no decisions', () => expect(decided()).toEqual([]))
})

describe('batch rules, combinations of two directories', () => {
  const booleans = [false, true]
  const combinations = booleans.flatMap((parse) =>
    booleans.flatMap((watch) =>
      booleans.flatMap((otherParse) =>
        booleans.flatMap((otherWatch) =>
          (['older', 'equal', 'newer'] as const).flatMap((changed) =>
            (['unknown', 'before', 'together', 'after'] as const).map((born) => ({
              parse,
              watch,
              otherParse,
              otherWatch,
              changed,
              born,
            })),
          ),
        ),
      ),
    ),
  )
  type Combination = (typeof combinations)[number]
  const OTHER = 1000

  /** In words: what is to be done with the directory "A", beside a directory "B". */
  function wanted({ parse, watch, otherParse, otherWatch, changed, born }: Combination): string {
    if (watch) return parse ? 'nothing' : 'nothing !'
    if (parse) return 'send'
    // Of two that changed at the same time the name decides: A comes before B.
    if (changed === 'newer') return 'watch'
    const otherIsDone = otherParse || otherWatch
    return otherIsDone && born === 'after' ? 'watch' : 'send'
  }

  function facts({ parse, watch, otherParse, otherWatch, changed, born }: Combination): BatchMetadata[] {
    const at = { older: OTHER - 100, equal: OTHER, newer: OTHER + 100 }[changed]
    const bornAt = { unknown: null, before: 300, together: 500, after: 700 }[born]
    const marks = (atTime: number, closed: boolean, sent: boolean, birth: number | null) => ({
      ...(closed ? { parse: atTime } : {}),
      ...(sent ? { watch: atTime } : {}),
      ...(birth === null ? {} : { born: birth }),
    })
    return [
      directory('A', at, marks(at, parse, watch, bornAt)),
      directory('B', OTHER, marks(OTHER, otherParse, otherWatch, 500)),
    ]
  }

  test(`all ${combinations.length} combinations give the expected action, in either order`, () => {
    const told = combinations.map((one) => ({
      ...one,
      is: decided(...facts(one)).find((line) => line[0] === 'A'),
    }))
    expect(told).toEqual(combinations.map((one) => ({ ...one, is: `A ${wanted(one)}` })))
    // The order in which the disk lists them decides nothing.
    for (const one of combinations)
      expect(decided(...facts(one).toReversed())).toEqual(decided(...facts(one)))
  })

  test('the last directory is the newest, a closed one is never watched, an improperly closed one never sent', () => {
    for (const one of combinations) {
      const decisions = decideBatches(facts(one), false)
      expect(decisions.at(-1)?.newest).toBe(true)
      for (const { action, closed, notClosed } of decisions) {
        if (closed) expect(action).not.toBe('watch')
        if (notClosed) expect(action).toBe('nothing')
      }
    }
  })
})
