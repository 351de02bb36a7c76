import { randomBytes, randomUUID } from 'node:crypto'
import { open, readFile, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { errorCode } from '../../../files/system-error.ts'
import { message } from '../../../words/message.ts'
import { Problem, sentenceOf } from '../../../words/problem.ts'
import type { DestinationTest } from '../../messages.ts'
import { trial } from '../trial.ts'
import type { Tested, TryOptions } from '../try.ts'

const BYTES = 1_000

export function tryFolder(
  { name, path: directory }: Tested<'folder'>,
  { signal }: TryOptions,
): Promise<DestinationTest> {
  const file = path.join(directory, `.holdfast-test-${randomUUID()}`)
  const bytes = randomBytes(BYTES)
  return trial({
    name,
    signal,
    async run(step, found) {
      await step('connect', async () => {
        if (!(await stat(directory)).isDirectory())
          throw new Problem('refuse.notDirectory', { path: directory })
      })
      await step('write', () => writeNew(file, bytes))
      try {
        await step('read', async () => {
          if (!(await readFile(file)).equals(bytes)) throw new Problem('test.damaged', { name })
        })
      } catch (thrown) {
        await unlink(file).catch(() => undefined)
        throw thrown
      }
      await step('remove', () => unlink(file))
      found.durable = true
      return message('test.works', { name })
    },
    why(thrown) {
      if (thrown instanceof Problem) return sentenceOf(thrown)
      return message('test.folder', { path: directory, reason: errorCode(thrown) ?? String(thrown) })
    },
  })
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
