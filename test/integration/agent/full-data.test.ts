import { appendFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { timelineQuestionSchema } from '../../../core/alerts/incident.ts'
import { readTimeline } from '../../../core/alerts/store/database.ts'
import { expectErrorCodes } from '../../../core/dropped-errors.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Fills the file system of a file to its last byte. */
function fill(file: string): void {
  for (const size of [1 << 20, 1 << 12, 1]) {
    for (let isFull = false; !isFull; ) {
      try {
        appendFileSync(file, Buffer.alloc(size))
      } catch (error) {
        isFull = expectErrorCodes(['ENOSPC'], true)(error)
      }
    }
  }
}

describe.skipIf(!canMount)('full data directory (needs root: mount)', () => {
  test('incidents: a failure that cannot be recorded is listed, with the reason', async () => {
    const { point: data } = await mountTmpfs(onTestFinished, { megabytes: 16 })
    const [source, filler] = [temporaryDirectory('full-source'), path.join(data, 'filler')]
    const agent = startHoldfast(['agent', '--data', data, source])
    await untilState(data, 'its check', ({ sources }) => sources[0]?.checked?.overall.kind === 'ok')
    fill(filler)
    await untilState(
      data,
      'the incident',
      ({ incidents, notices }) => incidents.length > 0 && notices.length > 0,
      60_000,
    )
    const listed = startHoldfast(['failures', '--data', data])
    expect(await listed.ended()).toBe(0)
    expect(listed.out()).toContain(path.basename(source))
    expect(listed.err()).toContain('cannot be recorded: database or disk is full')
    const lasting = await holdfast(['failures', '--lasting', '--source', source, '--json', '--data', data])
    expect(lasting).toContain(path.basename(source))
    expect(await holdfast(['failures', '--text', 'elsewhere', '--data', data])).toContain('No failures')

    rmSync(filler)
    await untilState(data, 'recording again', ({ notices }) => notices.length === 0, 60_000)
    const read = () =>
      readTimeline(
        path.join(data, 'alerts.db'),
        timelineQuestionSchema.parse({ before: null, most: 10 }),
      ).entries.map(({ incident }) => Object.values(incident.paths))
    await until('the record', () => read().flat().includes(path.basename(source)))
    agent.child.kill('SIGTERM')
    await agent.ended()
  })
})
