import { expect, test, vi } from 'vitest'
import type { Bridge, CommandInput, CommandOutput } from '../../../core/agent/contract.ts'
import { groupDeliveries } from '../../../renderer/features/alerts/deliveries.ts'
import { readTimeline } from '../../../renderer/state/timeline.ts'
import { delivery, incident } from './fake-state.ts'

type Question = CommandInput<'timeline'>

/** An agent with so many incidents, that gives at most so many at once. */
function agentWith(count: number, atOnce: number) {
  const all = Array.from({ length: count }, (_, index) => ({
    incident: incident(`i${index}`, { noticedAt: 1_000_000 - index }),
    deliveries: [],
  }))
  const call = vi.fn(
    async (_command: string, { before, most }: Question): Promise<CommandOutput<'timeline'>> => {
      const first = before === null ? 0 : all.findIndex(({ incident: { id } }) => id === before.id) + 1
      const entries = all.slice(first, first + Math.min(most, atOnce))
      const last = entries.at(-1)?.incident
      const isEnd = last === undefined || first + entries.length >= all.length
      return { entries, next: isEnd ? null : { at: last.noticedAt, id: last.id } }
    },
  )
  // Of the bridge only this command is used.
  return { call, bridge: { call } as unknown as Pick<Bridge, 'call'> }
}

const everything = { severity: null, source: null, text: '' }

test.each([
  [20, 20, 1, true],
  [45, 45, 1, false],
  [40, 40, 2, true],
])('timeline: a request for %i of 45 entries reads %i', async (wanted, given, _questions, more) => {
  const { bridge } = agentWith(45, 20)
  const read = await readTimeline(bridge, everything, wanted)
  expect(read.entries.map(({ incident: { id } }) => id)).toEqual(
    Array.from({ length: given }, (_, index) => `i${index}`),
  )
  expect(read.more).toBe(more)
})

test('timeline: each request to the agent carries the filter and at most 200 entries', async () => {
  const { bridge, call } = agentWith(450, 200)
  const filter = { severity: 'critical', source: 's1', text: 'mnt' } as const
  await readTimeline(bridge, filter, 420)
  expect(call.mock.calls.map(([, { most }]) => most)).toEqual([200, 200, 20])
  for (const [, question] of call.mock.calls) expect(question).toMatchObject(filter)
})

test('timeline: an agent that announces more entries but returns none is called only once', async () => {
  const call = vi.fn(async () => ({ entries: [], next: { at: 1, id: 'x' } }))
  const read = await readTimeline({ call } as unknown as Pick<Bridge, 'call'>, everything, 20)
  expect(read).toEqual({ entries: [], more: true })
  expect(call).toHaveBeenCalledTimes(1)
})

test('timeline: deliveries are grouped by notification, in order of time', () => {
  const told = groupDeliveries([
    delivery('Mail', { notice: 'n2', what: 'recovered', at: 20 }),
    delivery('Mail', { at: 10 }),
    delivery('LINE', { notice: 'n2', what: 'recovered', at: 20 }),
    delivery('LINE', { at: 10 }),
  ])
  expect(told.map(({ what, deliveries }) => [what, deliveries.map(({ channel }) => channel)])).toEqual([
    ['failed', ['Mail', 'LINE']],
    ['recovered', ['Mail', 'LINE']],
  ])
})
