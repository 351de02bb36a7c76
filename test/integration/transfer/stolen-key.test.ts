import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Frame, SmallFile } from '../../../core/protocol/frames.ts'
import { type FileStatus, fileStatuses } from '../../../core/protocol/limits.ts'
import { computeDigest } from '../../support/store/file-facts.ts'
import { listVersions, runStoreCommand, startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome, readTree, writeFile } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire, DATA, dataSource, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const nothing = { withinDays: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }
const data = ['--sender', 'sender-1', '--source', 'data']

/** A store with files of one sender, whose key somebody has stolen. */
async function setUp(lockDays: number, quota: { bytes: number | null; files: number | null }) {
  const base = temporaryDirectory('stolen-key')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  const rules = { keep: nothing, lockDays, quota: { each: quota, of: {} } }
  const start = () => startRuled(store, [home], rules)
  return { base, store, home, start, ...(await start()) }
}

/** Sends frames with the sender's own key, and counts the answers. */
async function connect({ receiver, home }: Awaited<ReturnType<typeof setUp>>) {
  const frames: Frame[] = []
  const { send, socket, closed } = connectWire(receiver.port, home.identity, (frame) => frames.push(frame))
  let count = 0
  const results = () =>
    new Map(
      frames.flatMap((frame) =>
        frame.type === 'result'
          ? frame.header.results.map(([id, status, detail]) => [id, [fileStatuses[status], detail]] as const)
          : [],
      ),
    )
  const answer = async (id: number) => {
    await until(`an answer to ${id}`, () => results().has(id) || socket.destroyed)
    return results().get(id)?.[0] as FileStatus | undefined
  }
  send('hello', buildHello())
  await until('it is let in', () => frames.some(({ type }) => type === 'welcome'))
  send('source', dataSource)
  return {
    frames,
    send,
    answer,
    next: () => {
      count += 1
      return count
    },
    put(name: string, content: Buffer, facts = wireFacts()) {
      count += 1
      const file: SmallFile = [count, DATA, name, content.length, facts, computeDigest(content)]
      send('batch', { files: [file], directories: [] }, [content])
      return answer(count)
    },
    async close() {
      socket.destroy()
      await closed
    },
  }
}

type Client = Awaited<ReturnType<typeof connect>>

/** Copies a content to a name, or only sets the metadata where both are the same. */
function copy(
  { send, next, answer }: Client,
  path: string,
  fromPath: string,
  content: Buffer,
  moved: boolean,
) {
  const id = next()
  const file = { id, source: DATA, path, size: content.length, facts: wireFacts(9, 0) }
  const from = { fromSource: DATA, fromPath, moved, directories: [] }
  send('copy', { ...file, ...from, digest: computeDigest(content) })
  return answer(id)
}

/** Sends a file in chunks. */
function putLarge({ send, next, answer }: Client, path: string, content: Buffer, ends: boolean) {
  const id = next()
  send('begin', { id, source: DATA, path, size: content.length, facts: wireFacts(), directories: [] })
  send('chunk', { id }, [content])
  if (ends) send('end', { id, digest: computeDigest(content) })
  else send('abort', { id })
  return answer(id)
}

const files: Record<string, Buffer> = {
  replaced: Buffer.from('replaced by other content'),
  large: Buffer.alloc(200_000, 'large'),
  file: Buffer.from('a directory takes its place'),
  'directory/one': Buffer.from('a file takes the place of its directory'),
  'directory/deep/two': Buffer.from('the same, below'),
  renamed: Buffer.from('claimed to have another name'),
  overwritten: Buffer.from('overwritten by a copy'),
  retimed: Buffer.from('gets another time and mode'),
  often: Buffer.from('replaced very often'),
}

/** Every frame by which a sender changes what is at its receiver. */
async function attack(client: Client): Promise<void> {
  const junk = Buffer.from('ransom')
  const outcome: Record<string, unknown> = {
    replaced: await client.put('replaced', junk),
    large: await putLarge(client, 'large', junk, true),
    aborted: await putLarge(client, 'large', junk, false),
    'below a file': await client.put('file/x', junk),
    directory: await client.put('directory', junk),
    renamed: await copy(client, 'elsewhere', 'renamed', files.renamed as Buffer, true),
    overwritten: await copy(client, 'overwritten', 'replaced', junk, true),
    retimed: await copy(client, 'retimed', 'retimed', files.retimed as Buffer, false),
    // The same content again makes a receiver forget that the original was removed.
    again: await client.put('often', files.often as Buffer, wireFacts(5, 0)),
  }
  for (let round = 0; round < 50; round += 1)
    outcome.often = await client.put('often', Buffer.from(`junk ${round}`))
  expect(outcome).toEqual({
    ...{ replaced: 'durable', large: 'durable', aborted: 'aborted', 'below a file': 'durable' },
    ...{ directory: 'durable', renamed: 'durable', overwritten: 'durable', retimed: 'same' },
    ...{ again: 'same', often: 'durable' },
  })
}

test.each([
  { lockDays: 90, lost: [] as string[] },
  // This receiver keeps no older version of its own accord: the same attack shows that the lock does it.
  { lockDays: 0, lost: ['large', 'often', 'overwritten', 'replaced'] },
])(
  'stolen key of a sender, $lockDays days of lock: every frame that changes a file costs the contents $lost',
  async ({ lockDays, lost }) => {
    const at = await setUp(lockDays, { bytes: null, files: null })
    const { base, store, start, receiver } = at
    const honest = await connect(at)
    for (const [name, content] of Object.entries(files))
      expect(await honest.put(name, content)).toBe('durable')
    await honest.close()
    const between = Date.now() + 1
    await until('a moment later', () => Date.now() > between)

    const thief = await connect(at)
    await attack(thief)
    await thief.close()
    await receiver.close()
    // A receiver removes expired versions when it starts.
    const again = await start()
    if (lost.length > 0)
      await until('they are gone', () => listVersions(store, 'sender-1/data/often').length === 0)
    await again.receiver.close()

    const to = path.join(base, 'restored')
    const words = [...data, '--at', new Date(between).toISOString()]
    const { code } = await runStoreCommand('restore', store, to, ...words)
    const sent = path.join(base, 'sent')
    for (const [name, content] of Object.entries(files))
      if (!lost.includes(name)) writeFile(sent, name, content)
    expect([code, readTree(to)]).toEqual([0, readTree(sent)])
  },
)

test('stolen key of a sender, a full quota: uploads are refused, and no locked version makes room for them', {
  tags: 'story',
}, async () => {
  const at = await setUp(90, { bytes: 400 * 1024, files: null })
  const { store } = at
  const client = await connect(at)
  const first = Buffer.alloc(100_000, 1)
  expect(await client.put('file', first)).toBe('durable')
  const statuses = new Set<string | undefined>()
  for (let round = 2; round < 12; round += 1)
    statuses.add(await client.put('file', Buffer.alloc(100_000, round)))
  await client.close()
  expect([...statuses].sort()).toEqual(['durable', 'full'])
  const [oldest = ''] = listVersions(store, 'sender-1/data/file')
  const kept = path.join(store, '.holdfast/versions/sender-1/data/file', oldest)
  expect(fs.readFileSync(kept).equals(first)).toBe(true)
})
