import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { readState, untilState } from '../../support/agent/two-receivers.ts'
import {
  expectPosted,
  factsIn,
  formsIn,
  headless,
  postsOfTest,
  untilChecked,
  untilPosted,
} from '../../support/alerts/headless.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { until } from '../../support/until.ts'

/** The longest pause between two attempts (alerts/outbox.ts), and an attempt. */
const RETRIED_WITHIN_MS = 75_000
const first = '\n[PROJ_CODE] P-12, in vm-7\n>>> '
const lastedIn = (text: string) => /lasted (\d+ sec)\./.exec(text)?.[1]

/**
 * A check comes only with a change of the mount, or when a test requests it: none is under way at a fault, which another
 * step of it would meet.
 */
const RARELY_SECONDS = 3_600

/** Has all checked twice: a failure is reported with the second check that finds it. */
async function checkTwice(directory: string): Promise<void> {
  for (const _ of [1, 2]) {
    const after = Date.now()
    await sendCommand(directory, 'checkNow', {})
    await untilChecked(directory, after)
  }
}

describe.skipIf(!canMount)('disk failure without a desktop (needs root: mount)', () => {
  test('each channel gets one post per failure and recovery, or one late summary, even if the agent is killed', async () => {
    const disk = await mountExt4(onTestFinished)
    const server = await postsOfTest()
    const { posts } = server
    const sources = Array.from({ length: 20 }, (_, index) => {
      const id = `lane-${String(index + 1).padStart(2, '0')}`
      return { id, name: id, path: path.join(disk.point, id) }
    })
    for (const source of sources) mkdirSync(source.path)
    const channels = [
      { id: 'hook', name: 'Hook', type: 'webhook' },
      { id: 'line', name: 'Line', type: 'line-notify', options: { endpoint: `${server.origin}/notify` } },
    ]
    const home = headless(
      {
        check: { intervalSeconds: RARELY_SECONDS },
        sources,
        alerts: { labels: { project: 'P-12', resource: 'vm-7' }, channels },
      },
      { hook: { url: `${server.origin}/hook` }, line: { token: 't-1' } },
    )
    const agent = home.startAgent()
    const isWell = ({ sources: now }: Awaited<ReturnType<typeof readState>>) =>
      now.length === 20 &&
      now.every(({ checked, scanned }) => checked?.overall.kind === 'ok' && scanned?.phase === 'watching')
    await until('it runs', () => readState(home.directory))
    await untilState(home.directory, 'all sources to be well and watched', isWell)
    expectPosted(posts, 0)

    const faultAt = Date.now()
    await disk.remountAbort()
    await untilPosted(posts, 2, 60_000)
    // A fourth line has the cause, if the kernel has reported one.
    expect(formsIn(posts)[0]?.said.get('message')?.split('\n').slice(0, 3).join('\n')).toBe(
      `${first}touch failed`,
    )
    expect(formsIn(posts)[0]?.headers.authorization).toBe('Bearer t-1')
    const failed = factsIn(posts)[0]?.said
    expect(failed).toMatchObject({
      what: 'failed',
      urgent: true,
      incident: { kind: 'read-only', endedAt: null },
    })
    expect(new Set(failed.incident.paths)).toEqual(new Set(sources.map((source) => source.path)))
    await checkTwice(home.directory)
    expectPosted(posts, 2)

    const wellAt = Date.now()
    await disk.remountFresh()
    await untilPosted(posts, 4, 60_000)
    const over = factsIn(posts)[1]?.said
    expect(over).toMatchObject({ what: 'recovered', about: failed.about, urgent: false })
    const [startedAt, endedAt] = [Date.parse(over.incident.startedAt), Date.parse(over.incident.endedAt)]
    expect(startedAt).toBeGreaterThanOrEqual(faultAt)
    expect(startedAt).toBeLessThan(wellAt)
    expect(endedAt).toBeGreaterThan(wellAt)
    expect(endedAt).toBeLessThanOrEqual(Math.max(...posts.map(({ at }) => at)))
    const lastedMs = endedAt - startedAt
    const lasted = lastedIn(over.body)
    expect(lasted).toBe(`${Math.floor(lastedMs / 1000)} sec`)
    expect(formsIn(posts)[1]?.said.get('message')).toBe(`${first}touch works again, after ${lasted}`)
    await checkTwice(home.directory)
    expectPosted(posts, 4)

    await server.close()
    await disk.remountAbort()
    await untilState(home.directory, 'an attempt of each channel that failed', (now) =>
      ['hook', 'line'].every((id) => now.channels.find((one) => one.id === id)?.condition === 'retrying'),
    )
    agent.child.kill('SIGKILL')
    await agent.ended()
    const next = home.startAgent()
    await disk.remountFresh()
    const known = await until(
      'the failure and its end to be one summary in both outboxes',
      async () => {
        const all = await home.incidents('--severity', 'critical', '--text', 'lane-01')
        const newest = all.find(({ incident }) => incident.kind === 'read-only')
        // Until then an attempt to tell of the failure may be under way, which the server would still take.
        const summaries = newest?.deliveries.filter(({ what }) => what === 'summary')
        if (summaries?.length !== 2) throw new Error(next.out() + JSON.stringify(all))
        return newest
      },
      RETRIED_WITHIN_MS,
    )
    expect(known?.incident).toMatchObject({ kind: 'read-only', endedAt: expect.any(Number) })
    await server.listen()
    await untilPosted(posts, 6, RETRIED_WITHIN_MS)
    const late = factsIn(posts)[2]?.said
    expect(late).toMatchObject({ what: 'summary', urgent: false, incident: { id: known?.incident.id } })
    const after = lastedIn(late.body)
    expect(formsIn(posts)[2]?.said.get('message')).toBe(`${first}touch works again, after ${after}`)
    await untilState(home.directory, 'nothing to wait', (now) =>
      now.channels.every(({ waiting }) => waiting === 0),
    )
    await checkTwice(home.directory)
    expect([factsIn(posts).length, formsIn(posts).length]).toEqual([3, 3])
    expect(new Set(factsIn(posts).map(({ headers }) => headers['x-holdfast-delivery'])).size).toBe(3)
    const said = ({ out }: typeof agent) => out().match(/Read-only: |Recovered: /g)
    expect(said(agent), agent.out()).toEqual(['Read-only: ', 'Recovered: ', 'Read-only: '])
    expect(said(next), next.out()).toEqual(['Recovered: '])
  })
})
