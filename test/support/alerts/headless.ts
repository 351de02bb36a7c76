import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type TimelineEntry, timelineEntrySchema } from '../../../core/alerts/incident.ts'
import { readState } from '../agent/two-receivers.ts'
import { type RunningCommand, startHoldfast } from '../cli/processes.ts'
import { type Post, type PostServer, servePosts } from '../servers/post-server.ts'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'

export interface Ended {
  code: number | string
  out: string
  err: string
}

/** A computer without a desktop: what Holdfast keeps there, and its command line. */
export interface Headless {
  directory: string
  /** Runs `holdfast …` to its end; `input` is its standard input. */
  run(words: string[], input?: string): Promise<Ended>
  /** Runs one that must end well; gives what it said. */
  says(words: string[], input?: string): Promise<string>
  startAgent(): RunningCommand
  /** The lines that `holdfast failures --json` prints. */
  incidents(...words: string[]): Promise<TimelineEntry[]>
}

/** @param secrets by channel and field, as somebody has written them into secrets.json. */
export function headless(
  settings: object = {},
  secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Headless {
  const directory = temporaryDirectory('headless')
  const env = { HOLDFAST_HOME: directory }
  writeFileSync(path.join(directory, 'settings.json'), JSON.stringify(settings), { mode: 0o600 })
  if (Object.keys(secrets).length > 0) {
    const plain = (fields: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { plain: value }]))
    const owners = Object.fromEntries(Object.entries(secrets).map(([id, fields]) => [id, plain(fields)]))
    const text = JSON.stringify({ version: 2, owners })
    writeFileSync(path.join(directory, 'secrets.json'), text, { mode: 0o600 })
  }
  const run = (words: string[], input?: string) => waitForEnd(startHoldfast(words, env), input)
  const says = async (words: string[], input?: string) => {
    const { code, out, err } = await run(words, input)
    expect(code, `${words.join(' ')}: ${err}`).toBe(0)
    return out
  }
  return {
    directory,
    run,
    says,
    startAgent: () => startHoldfast(['agent'], env),
    incidents: async (...words) => parseEntries(await says(['failures', '--json', ...words])),
  }
}

export async function waitForEnd(command: RunningCommand, input?: string): Promise<Ended> {
  if (input !== undefined) command.child.stdin?.end(input)
  // Not its end: the pipes may have more then.
  const closed = new Promise<void>((resolve) => command.child.once('close', () => resolve()))
  const code = await command.ended()
  await closed
  return { code, out: command.out(), err: command.err() }
}

/** Parses a JSON object a line. */
export const parseEntries = (said: string): TimelineEntry[] =>
  said
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => timelineEntrySchema.parse(JSON.parse(line)))

/** A server that is there until the test is over. */
export async function postsOfTest(): Promise<PostServer> {
  const server = await servePosts()
  onTestFinished(() => server.close())
  return server
}

/** The posts of a webhook, as objects; other channels post no JSON. */
export const factsIn = (posts: readonly Post[]) =>
  posts
    .filter(({ headers }) => headers['content-type']?.startsWith('application/json'))
    .map((post) => ({ at: post.at, headers: post.headers, said: JSON.parse(post.body) }))

/** The posts in LINE Notify's form. */
export const formsIn = (posts: readonly Post[]) =>
  posts
    .filter(({ headers }) => headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
    .map((post) => ({ at: post.at, headers: post.headers, said: new URLSearchParams(post.body) }))

/** Waits until so many posts are there. */
export const untilPosted = (posts: readonly Post[], count: number, withinMs: number): Promise<true> =>
  until(`${count} posts`, () => posts.length >= count, withinMs).catch((error: unknown) => {
    throw new Error(`${error}; there are ${JSON.stringify(posts.map(({ at, body }) => [at, body]))}`)
  }) as Promise<true>

/** Waits until the agent has looked at everything once more after a moment: had there been more to tell, it were told. */
export async function untilChecked(directory: string, after: number): Promise<void> {
  await until(
    `all checked after ${new Date(after).toISOString()}`,
    async () => {
      const { sources, checkedPaths } = await readState(directory)
      return [...sources, ...checkedPaths].every(({ checked }) => (checked?.at ?? 0) > after)
    },
    Math.max(0, after - Date.now()) + 60_000,
  )
}

/** Names of the files below a directory in which a text is, in any bytes. */
export function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text))
    .map((file) => path.relative(directory, file))
    .sort()
}

/** There are so many posts and no more; says what they told where there are others. */
export function expectPosted(posts: readonly Post[], count: number): void {
  const told = posts.map(({ body }) => (body.startsWith('{') ? JSON.parse(body).text : body))
  expect(posts.length, told.join(' | ')).toBe(count)
}

/** After so long a receiver calls a sender silent that it has not heard of. */
export const SILENT_MS = 10_800

/** What `holdfast receive --config` reads, with one webhook. */
export function receiverConfig(origin: string) {
  const base = temporaryDirectory('receive-alerts')
  const file = path.join(base, 'receive.json')
  const secretsFile = path.join(base, 'secrets.json')
  const store = path.join(base, 'store')
  writeFileSync(secretsFile, JSON.stringify({ ops: { url: `${origin}/very-secret` } }), { mode: 0o600 })
  const alerts = {
    secretsFile,
    silentHours: SILENT_MS / 3_600_000,
    failingMinutes: 0.02,
    channels: [{ id: 'ops', name: 'Operators', type: 'webhook' }],
  }
  const config = { store, host: '127.0.0.1', port: 0, name: 'cellar', alerts }
  writeFileSync(file, JSON.stringify(config))
  return { file, store, secretsFile }
}
