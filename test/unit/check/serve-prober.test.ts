import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Result } from '../../../core/check/prober/protocol.ts'
import { serveProber } from '../../../core/check/prober/serve-prober.ts'
import { freshMemory } from '../../../core/check/probes/findings.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Has a prober check a path; gives its answers so far. */
function check(path: string) {
  const posted: Result[] = []
  let hear: (message: unknown) => void = () => undefined
  serveProber(
    {
      post: (result) => posted.push(result as Result),
      listen: (listener) => {
        hear = listener
      },
      onClose: () => undefined,
    },
    new URL('file:///no-lane-is-started-here'),
  )
  const job = { id: 1, does: 'check', path, probes: ['read'], memory: freshMemory }
  hear({ jobs: [job], learn: [], quick: [], forget: [] })
  return () => posted.flatMap((result) => result.answers)
}

describe('a prober', () => {
  it('tells of a check before its first call, which may be the one that never returns', async () => {
    const answers = check('/not/there')
    await until('the findings', () => answers().some(({ did }) => did === 'check'))
    // It has got no further than to the open that finds the path.
    expect(answers().map(({ did }) => did)).toEqual(['progress', 'check'])
    expect(answers()[0]).toMatchObject({
      progress: { probe: 'read', step: 'open', done: {} },
      hasLeft: false,
    })
  })

  it('tells of a FIFO before it waits for its other end', async () => {
    const fifo = path.join(temporaryDirectory('prober'), 'fifo')
    execFileSync('mkfifo', [fifo])
    const answers = check(fifo)
    const left = await until('it to be known', () =>
      answers().find((answer) => answer.did === 'progress' && answer.hasLeft),
    )
    expect(left).toMatchObject({ progress: { kind: 'fifo' } })
    const otherEnd = openSync(fifo, constants.O_RDWR)
    writeSync(otherEnd, 'x')
    await until('its end', () => answers().some(({ did }) => did === 'check'))
    closeSync(otherEnd)
  })
})
