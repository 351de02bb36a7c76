import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { scannedSource } from '../../support/scan/bursts.ts'
import { until } from '../../support/until.ts'

const AGENT = { uid: 64_801, gid: 64_801 }
const PRODUCER = { uid: 64_802, gid: 64_802 }

/** A shell of the producer's user, which does one line after another. */
function startProducer(directory: string) {
  const child = spawn('sh', [], { ...PRODUCER, cwd: directory, stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let lines = 0
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  return async (line: string) => {
    lines += 1
    const done = `done ${lines}\n`
    child.stdin.write(`${line}\necho done ${lines}\n`)
    await until(`the producer has done: ${line}`, () => out.includes(done))
  }
}

/** An agent that may not ask who writes (fcntl(2): a lease is the owner's), and a producer. */
async function openForeign() {
  const source = await scannedSource(AGENT, {
    prepare: (root) => {
      for (const directory of [root, path.join(root, 'd')]) {
        mkdirSync(directory, { recursive: true })
        chmodSync(directory, 0o777)
      }
    },
  })
  chmodSync(source.root, 0o777)
  chmodSync(path.join(source.root, 'd'), 0o777)
  const produce = startProducer(source.root)
  let rounds = 0
  return {
    ...source,
    produce,
    /** Two other files, one after the other, have passed their whole quiet period. */
    quietPassed: async () => {
      for (let round = 0; round < 2; round += 1) {
        rounds += 1
        const name = `passed-${rounds}`
        await produce(`echo whole > ${name}`)
        await until(`${name} is offered`, () => source.offers().has(name))
      }
    },
  }
}

describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'files of another user (Linux; needs root: two users)',
  () => {
    test('a half-written file is offered only after its close, even if its writer pauses', async () => {
      const { produce, quietPassed, offers } = await openForeign()
      await produce('exec 3> slow; printf half >&3')
      await quietPassed()
      expect(offers().has('slow')).toBe(false)
      await produce('printf whole >&3')
      await quietPassed()
      expect(offers().has('slow')).toBe(false)
      await produce('exec 3>&-')
      await until('it is offered', () => offers().has('slow'))
    })

    test('an open empty file is offered only after its close', async () => {
      const { produce, quietPassed, offers } = await openForeign()
      await produce('exec 3> empty')
      await quietPassed()
      expect(offers().has('empty')).toBe(false)
      await produce('exec 3>&-')
      await until('it is offered', () => offers().has('empty'))
    })

    test('a file that is opened and written again is offered only after the next close', async () => {
      const { produce, quietPassed, offers } = await openForeign()
      await produce('echo one > log; exec 3>> log; printf half >&3')
      await quietPassed()
      expect(offers().has('log')).toBe(false)
      await produce('exec 3>&-')
      await until('it is offered', () => offers().has('log'))
    })

    test('an open file that is renamed, or whose directory is renamed, is offered under the new name after its close', async () => {
      const { root, produce, quietPassed, offers, paths } = await openForeign()
      await produce('exec 3> old; printf half >&3; mv old new')
      await produce('exec 4> d/file; printf half >&4')
      renameSync(path.join(root, 'd'), path.join(root, 'e'))
      await quietPassed()
      expect(paths().filter((one) => !one.startsWith('passed-'))).toEqual([])
      await produce('exec 3>&-; exec 4>&-')
      await until('both are offered', () => offers().has('new') && offers().has('e/file'))
    })

    test('a second name of a complete file is offered without a close', async () => {
      const { produce, offers } = await openForeign()
      await produce('echo whole > one; ln one two')
      await until('both are offered', () => offers().has('one') && offers().has('two'))
    })
  },
)
