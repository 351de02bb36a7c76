import { describe, expect, it } from 'vitest'
import type { Answer, Job } from '../../../core/check/prober/protocol.ts'
import { createRoomyDisk } from '../../../core/check/prober/roomy-disk.ts'
import { freshMemory, newProgress } from '../../../core/check/probes/findings.ts'
import { createFakeDisk } from '../../support/check-disk.ts'
import { until } from '../../support/until.ts'

function setUp(room: number) {
  const own = createFakeDisk(() => performance.now())
  const sent: { job: Omit<Job, 'id'>; answered: (answer: Answer) => void }[] = []
  const disk = createRoomyDisk(own, { run: (job, answered) => void sent.push({ job, answered }) }, room)
  const check = (path: string) => {
    let left = 0
    const leaveFileSystem = () => {
      left += 1
    }
    const progress = { ...newProgress(['mount', 'read']), leaveFileSystem }
    const findings = disk.check(path, ['mount', 'read'], { ...freshMemory, tidiedMs: 5 }, progress)
    return { progress, findings, left: () => left }
  }
  return { own, sent, disk, check }
}

describe('room for checks that hang', () => {
  it('is taken in this process first; a check that comes back makes room for one that waits', async () => {
    const { own, sent, check } = setUp(2)
    for (const path of ['/a', '/b', '/c']) own.slow.add(path)
    check('/a')
    check('/b')
    const third = check('/c')
    expect(own.begun.map(({ path }) => path)).toEqual(['/a', '/b'])
    // Its time has not begun: a check that waits for a thread is not said to hang.
    expect(third.progress.begunMs).toBeNull()
    own.begun[0]?.well()
    await until('the third', () => own.begun.length === 3)
    expect(third.progress.begunMs).toBeGreaterThan(0)
    expect(sent).toEqual([])
  })

  it('is found in further processes when all that are out hang', async () => {
    const { own, sent, check } = setUp(2)
    for (const path of ['/a', '/b']) own.slow.add(path)
    check('/a')
    check('/b')
    const third = check('/c')
    const { job, answered } = await until('it to be sent', () => sent[0])
    expect(job).toMatchObject({ does: 'check', path: '/c', probes: ['mount', 'read'] })
    const done = { mount: { failures: [], elapsedMs: 1 } }
    const kind = 'fifo' as const
    const progress = { probe: 'read' as const, step: 'open', done, delayMs: null, begunMs: 7, kind }
    answered({ id: 1, did: 'progress', progress, hasLeft: true })
    expect(third.progress).toMatchObject({ probe: 'read', step: 'open', done, kind })
    expect(third.left()).toBe(1)
    const readSuffices = { paths: ['/c'], generation: 9, untilMs: 9 }
    const memory = { ...freshMemory, tidiedMs: 5, isBuffered: true, readSuffices }
    answered({ id: 1, did: 'check', findings: { probes: done, delayMs: 2, memory } })
    // What only makes sense in the other process is not remembered here.
    expect((await third.findings).memory).toMatchObject({ isBuffered: true, tidiedMs: 5, readSuffices: null })
  })
})
