// @module-tag story
import { describe, expect, onTestFinished, test } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { hasOddFileSystems, mountExfat } from '../../support/faults/odd-file-systems.ts'

describe.skipIf(!hasOddFileSystems)(
  'data directory on a file system without sockets (needs root: mount)',
  () => {
    test('an agent is refused with the reason, and another place is named', async () => {
      const data = await mountExfat(onTestFinished)
      const agent = startHoldfast(['agent', '--data', data])
      expect(await agent.ended()).toBe(1)
      expect(agent.err()).toContain(`${data} is on a file system that cannot hold it`)
      expect(agent.err()).toContain('Name a folder on a local disk: with HOLDFAST_HOME')
    })
  },
)
