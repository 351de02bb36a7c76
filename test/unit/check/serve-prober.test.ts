import { describe, expect, it } from 'vitest'
import type { Result } from '../../../core/check/prober/protocol.ts'
import { serveProber } from '../../../core/check/prober/serve-prober.ts'
import { freshMemory } from '../../../core/check/probes/findings.ts'
import { until } from '../../support/until.ts'

describe('a prober', () => {
  it('tells of a check before its first call, which may be the one that never returns', async () => {
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
    const job = { id: 1, does: 'check', path: '/not/there', probes: ['read'], memory: freshMemory }
    hear({ jobs: [job], learn: [], quick: [], forget: [] })
    const answers = () => posted.flatMap((result) => result.answers)
    await until('the findings', () => answers().some(({ did }) => did === 'check'))
    // It has got no further than to the open that finds the path.
    expect(answers().map(({ did }) => did)).toEqual(['progress', 'check'])
    expect(answers()[0]).toMatchObject({
      progress: { probe: 'read', step: 'open', done: {} },
      hasLeft: false,
    })
  })
})
