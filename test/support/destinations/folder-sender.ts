import { hostname } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import type { Encryption } from '../../../core/settings/destination-schema.ts'
import {
  DESTINATION,
  type Home,
  readTree,
  senderConfig,
  startTestSender,
  type TestSender,
} from '../transfer/transfer.ts'
import { until } from '../until.ts'

export const MIB = 1024 * 1024
const UNKNOWN = { port: 1, fingerprint: '0'.repeat(64) }

const PLAIN: Encryption = { recipient: null, hideNames: false }

export const configFor = (home: Home, folder: string, id = DESTINATION, encryption: Encryption = PLAIN) => ({
  ...senderConfig(home, UNKNOWN),
  destination: { id, kind: 'folder' as const, name: 'second disk', path: folder, ...encryption },
})

/** What the agent asks for before it adds a folder. */
export const tryAt = (
  sender: TestSender,
  folder: string,
  stage: 'given' | 'adding' | 'kept',
  encryption: Encryption = PLAIN,
) =>
  sender.request('test', {
    destination: { kind: 'folder', name: 'second disk', path: folder, ...encryption },
    secrets: {},
    stage,
  })

/** A sender that sends to a folder, which was added. */
export async function started(
  home: Home,
  folder: string,
  encryption: Encryption = PLAIN,
): Promise<TestSender> {
  const sender = startTestSender()
  sender.configure({ ...configFor(home, folder), destination: null, sources: [] })
  await until('it is there', () => sender.report())
  expect(await tryAt(sender, folder, 'adding', encryption)).toMatchObject({
    works: true,
    sentence: { key: 'test.works' },
  })
  sender.configure(configFor(home, folder, DESTINATION, encryption))
  return sender
}

export const getProblem = (sender: TestSender) => sender.report()?.connection.problem?.key
export const arrivedIn = (folder: string) => path.join(folder, hostname(), 'data')
export const leftOvers = (folder: string) =>
  ['tmp', 'partial'].flatMap((name) => Object.keys(readTree(path.join(folder, '.holdfast', name))))
