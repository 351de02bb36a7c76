import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { StoreThread } from '../../../core/receive/bulk/call-thread.ts'
import type { BulkEvents, Pending } from '../../../core/receive/bulk/pending.ts'
import { createPipeline } from '../../../core/receive/bulk/pipeline.ts'
import type { StoreJob, StoreJobResult } from '../../../core/receive/bulk/protocol.ts'
import { NO_DESCRIPTOR } from '../../../core/receive/bulk/protocol.ts'
import { createCallWatch } from '../../../core/receive/placement/call-watch.ts'
import { openTemporaryFiles } from '../../../core/receive/placement/temporary-files.ts'
import { factsOf } from '../../support/file-facts.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024
const content = new Uint8Array(MIB)
const done = { failures: [], lost: [], descriptors: [], unsynced: null }

/** A pipeline whose disk writes at once, and syncs when the test lets it. */
function open() {
  let isHeld = true
  const syncs: ((unsynced: string | null) => void)[] = []
  const answers: string[] = []
  let writtenMib = 0
  const thread = (call: (job: StoreJob) => Promise<StoreJobResult>): StoreThread => ({
    call,
    close: () => undefined,
  })
  const writer = thread(async (job) => {
    writtenMib += job.files.length
    return { ...done, descriptors: job.files.map(() => NO_DESCRIPTOR) }
  })
  const committer = thread(
    () =>
      new Promise((resolve) => {
        const end = (unsynced: string | null) => resolve({ ...done, unsynced })
        if (isHeld) syncs.push(end)
        else end(null)
      }),
  )
  const pipeline = createPipeline(writer, committer, {
    temporaries: openTemporaryFiles('/nowhere/tmp', { check: async () => undefined }),
    watch: createCallWatch(),
    commits: { add: async () => ({ status: 'failed', detail: 'not meant to come here' }) },
    mover: {
      prepare: async (files) => ({
        moves: files.map((file) => ({ file, to: file.components.join('/') })),
        finish: async () => undefined,
      }),
      asWritten: () => {
        throw new Error('not meant to come here')
      },
    },
  })
  const events: BulkEvents = {
    written: () => undefined,
    stored: (_, { status }) => void answers.push(status),
    alone: async () => ({ status: 'failed', detail: 'not meant to come here' }),
    memory: null,
  }
  const fileOf = (index: number): Pending => ({
    ...{ index, facts: factsOf(`${index}`, MIB), components: ['pc', 'data', `${index}`], bytes: content },
    ...{ digest: new Uint8Array(32), descriptor: NO_DESCRIPTOR, temporary: `${index}`, events },
  })
  for (let index = 0; index < 600; index += 1) pipeline.add([fileOf(index)])
  /** The sync that waits ends, with this error; those that come do so at once, and find none. */
  const letSync = (unsynced: string | null) => {
    isHeld = false
    for (const end of syncs.splice(0)) end(unsynced)
  }
  return { running: pipeline.run(0), answers, letSync, written: () => writtenMib }
}

describe('files on their way to the disk', () => {
  test('wait for a sync once there is a lot for it to write', async () => {
    const { running, answers, letSync, written } = open()
    await until('as much is written as may be', () => written() >= 256)
    await nextTurn()
    expect(written()).toBeLessThan(260)
    letSync(null)
    await running
    expect(answers).toEqual(Array(600).fill('durable'))
  })

  test('go on after a sync that failed', async () => {
    const { running, answers, letSync, written } = open()
    await until('as much is written as may be', () => written() >= 256)
    await nextTurn()
    letSync('EIO')
    await running
    expect([written(), answers.length]).toEqual([600, 600])
    expect(new Set(answers)).toEqual(new Set(['failed', 'durable']))
  })
})
