import { randomUUID } from 'node:crypto'
import { open, readFile, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { isOnOtherComputer } from '../../../platform/mounts/shares.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import { storeLayout } from '../../../store/layout.ts'
import { claimStore } from '../../../store/lock.ts'
import type { DestinationTest, TestStage } from '../../sender-messages.ts'
import { runConnectionTest, testFile } from '../connection-test.ts'
import type { Tested, TryOptions } from '../test-destination.ts'
import { claimEncryption } from './encryption.ts'
import { getStoreInode, NotMounted, notMountedWords } from './place.ts'

export function testFolder(
  destination: Tested<'folder'>,
  { signal, stage = 'given' }: TryOptions,
): Promise<DestinationTest> {
  const { name, path: directory } = destination
  const file = path.join(directory, `.holdfast-test-${randomUUID()}`)
  return runConnectionTest({
    name,
    signal,
    async run(step, found) {
      await step('connect', () => connect(directory, stage))
      const remove = () => unlink(file)
      await testFile(name, step, {
        write: (bytes) => writeNew(file, bytes),
        read: () => readFile(file),
        remove,
      })
      await step('remove', remove)
      found.durable = true
      if (!isOnOtherComputer(directory)) found.notes.push(message('test.onThisComputer'))
      if (stage === 'adding') await makeReady(destination)
      return message('test.works', { name })
    },
    why(error) {
      if (error instanceof NotMounted) return notMountedWords(destination)
      return message('test.folder', { path: directory, reason: errorCode(error) ?? errorText(error) })
    },
  })
}

/** @throws NotMounted if a folder of the settings is not mounted: below its path lies another disk. */
async function connect(directory: string, stage: TestStage): Promise<void> {
  if (!(await stat(directory)).isDirectory()) throw new UserError('refuse.notDirectory', { path: directory })
  if (stage === 'kept') await getStoreInode(storeLayout(directory))
}

/**
 * Creates Holdfast's own directory, which identifies the folder from now on.
 * @throws UserError if the folder is in use, inside another store, or encrypted with another setting.
 */
async function makeReady(destination: Tested<'folder'>): Promise<void> {
  const layout = storeLayout(destination.path)
  const lock = await claimStore(layout, () => undefined)
  await claimEncryption(layout, destination).finally(() => lock.release())
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
