import { readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { dropError, ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { makeDirectories } from '../../platform/make-directories.ts'
import { replaceFile } from '../../platform/replace-file.ts'
import { errorCode } from '../../platform/system-error.ts'
import { formatPairingCode, hashOfSecret, newSecret } from '../../protocol/pairing-code.ts'
import { type StoreLayout, storeLayout } from '../../store/layout.ts'
import { orAbsent } from '../../store/problems.ts'

export const CODE_MINUTES = 15
/** How long a code lives, in milliseconds. */
const LIFETIME_MS = CODE_MINUTES * 60_000

const codeSchema = z.object({
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
  /** The folder of a sender whose place the new one takes; null: it gets one of its own. */
  replaces: z.string().min(1).max(255).nullable(),
})
type Code = z.infer<typeof codeSchema>

/** A code is found by the hash of its secret: nobody needs to look through others. */
const codeFile = (directory: string, secret: string): string =>
  path.join(directory, `${hashOfSecret(secret)}.json`)

/** null: it is no code. @throws what the system says. */
async function readCode(file: string): Promise<Code | null> {
  const text = await readFile(file, 'utf8')
  try {
    return codeSchema.parse(JSON.parse(text))
  } catch (error) {
    return dropError(error, 'the file is no pairing code', null)
  }
}

/** Made and not yet over; a clock that was set back makes no code live longer. */
function isOpen({ expiresAt }: Code, now: number): boolean {
  return now < expiresAt && expiresAt - now <= LIFETIME_MS
}

/** Removes a code that is over, if it is; one that cannot be read now may be a good one. */
async function removeOver(file: string, now: number): Promise<void> {
  const code = await readCode(file)
  if (code === null || !isOpen(code, now)) await rm(file, { force: true })
}

/**
 * Makes a one-time code for the receiver of this store, running or not; only its hash is kept.
 * @param replaces see above.
 */
export async function makeCode(
  directory: string,
  now: number,
  replaces: string | null = null,
): Promise<string> {
  await makeDirectories(directory, 0o700)
  // One that somebody is writing at this moment has another ending.
  const codes = (await readdir(directory)).filter((name) => name.endsWith('.json'))
  for (const name of codes)
    await removeOver(path.join(directory, name), now).catch(
      ignoreError('an expired pairing code is removed another time'),
    )
  const secret = newSecret()
  const code: Code = { expiresAt: now + LIFETIME_MS, replaces }
  await replaceFile(codeFile(directory, secret), JSON.stringify(code))
  return secret
}

/**
 * Does what the secret of an open code lets its owner do, and uses the code up by that; null: it is no open code's.
 * Wrong secrets are not counted: nobody guesses 100 random bits in a quarter of an hour. Calls must not overlap.
 *
 * @throws what `use` throws, or what the system says where the code cannot be read: it can be used again then.
 */
export async function redeemCode<T>(
  directory: string,
  secret: string,
  now: number,
  use: (replaces: string | null) => Promise<T>,
): Promise<T | null> {
  const file = codeFile(directory, secret)
  const code = await readCode(file).catch((thrown: unknown) => {
    if (errorCode(thrown) === 'ENOENT') return null
    throw thrown
  })
  if (code === null || !isOpen(code, now)) return null
  const used = await use(code.replaces)
  await rm(file, { force: true })
  return used
}

/** What a receiver leaves in its store about itself, for the commands that run beside it. */
const aboutSchema = z.object({
  host: z.string(),
  port: z.number().int().min(1).max(65_535),
  name: z.string(),
  fingerprint: z.string(),
  pid: z.number().int().positive(),
})
type AboutReceiver = z.infer<typeof aboutSchema>

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
  } catch (error) {
    return warnUnlessCode(error, [], 'the description of the receiver is damaged and written again', null)
  }
}

/**
 * Whether the receiver of this store runs now; null: none has used the store yet.
 * @throws UserError store.failed
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
 * @throws UserError when no receiver has used the store yet, or the store cannot be read.
 */
export async function invite(
  storeDirectory: string,
  now: number,
  replaces: string | null = null,
): Promise<Invitation> {
  const layout = storeLayout(storeDirectory)
  const about = await readAbout(layout)
  if (about === null) throw new UserError('transfer.receiverNotRunning', { path: layout.root })
  const { port, name, fingerprint } = about
  const code = await makeCode(layout.codes, now, replaces).catch((thrown: unknown) => {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new UserError('transfer.codeNotMade', { path: layout.root, reason }, { cause: thrown })
  })
  return {
    code: formatPairingCode({ host: reachableHost(about.host), port, code, fingerprint, name }),
    running: isRunning(about.pid),
  }
}

/** Whether a process of this number runs here; one of another user's counts, though it may not be signalled. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return errorCode(thrown) !== 'ESRCH'
  }
}
