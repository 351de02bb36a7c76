import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { z } from 'zod'
import { replaceFile } from '../../files/replace-file.ts'
import { errorCode } from '../../files/system-error.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { storeLayout } from '../../store/layout.ts'
import { orAbsent } from '../../store/problems.ts'
import { formatPairingCode } from '../../wire/pairing-code.ts'
import { Problem } from '../../words/problem.ts'
import { isRunning } from '../../worker/is-running.ts'
import { makeCode } from './codes.ts'

/** What a receiver leaves in its store about itself, for the commands that run beside it. */
const aboutSchema = z.object({
  host: z.string(),
  port: z.number().int().min(1).max(65_535),
  name: z.string(),
  fingerprint: z.string(),
  pid: z.number().int().positive(),
})
export type AboutReceiver = z.infer<typeof aboutSchema>

/**
 * The address that other computers can reach: a receiver that listens on all addresses is reached at this
 * computer's first one in a network, or by its name.
 */
export function reachableHost(
  listening: string,
  interfaces: ReturnType<typeof os.networkInterfaces> = os.networkInterfaces(),
  hostname: string = os.hostname(),
): string {
  if (listening !== '0.0.0.0' && listening !== '::' && listening !== '') return listening
  const addresses = Object.values(interfaces).flatMap((list) => list ?? [])
  const first = addresses.find(({ internal, family }) => !internal && family === 'IPv4')
  return first?.address ?? hostname
}

export async function writeAbout({ receiver }: StoreLayout, about: AboutReceiver): Promise<void> {
  await replaceFile(receiver, `${JSON.stringify(about, null, 2)}\n`)
}

/** null: no receiver has used the store yet, or what it left is broken, which the next one writes anew. */
async function readAbout({ root, receiver }: StoreLayout): Promise<AboutReceiver | null> {
  const text = await orAbsent(root, readFile(receiver, 'utf8'))
  if (text === null) return null
  try {
    return aboutSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/**
 * Whether the receiver of this store runs now; null: none has used the store yet.
 * @throws Problem store.failed
 */
export async function isReceiverRunning(layout: StoreLayout): Promise<boolean | null> {
  const about = await readAbout(layout)
  return about === null ? null : isRunning(about.pid)
}

export interface Invitation {
  /** The text to be entered at the sender. */
  code: string
  /** Whether the receiver that has to accept it runs now. */
  running: boolean
}

/**
 * Makes a one-time pairing code for the receiver of this store.
 * @param replaces the folder of a sender whose place the new one takes.
 * @throws Problem when no receiver has used the store yet, or the store cannot be read.
 */
export async function invite(
  storeDirectory: string,
  now: number,
  replaces: string | null = null,
): Promise<Invitation> {
  const layout = storeLayout(storeDirectory)
  const about = await readAbout(layout)
  if (about === null) throw new Problem('transfer.receiverNotRunning', { path: layout.root })
  const { port, name, fingerprint } = about
  const code = await makeCode(layout.codes, now, replaces).catch((thrown: unknown) => {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new Problem('transfer.codeNotMade', { path: layout.root, reason }, { cause: thrown })
  })
  return {
    code: formatPairingCode({ host: reachableHost(about.host), port, code, fingerprint, name }),
    running: isRunning(about.pid),
  }
}
