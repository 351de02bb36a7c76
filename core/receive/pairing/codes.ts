import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { makeDirectories } from '../../files/make-directories.ts'
import { replaceFile } from '../../files/replace-file.ts'
import { errorCode } from '../../files/system-error.ts'
import { hashOfSecret, newSecret } from '../../wire/pairing-code.ts'

export const CODE_MINUTES = 15
/** So many wrong codes spoil every code that is open. */
export const CODE_ATTEMPTS = 5
/** More open codes than this are not looked at: nobody makes so many in a quarter of an hour. */
const MAX_CODES = 64

/** How long a code lives, in milliseconds. */
const LIFETIME_MS = CODE_MINUTES * 60_000
/** What the name of a code's file gets while the code is used. */
const SPENT = '.spent'

const codeSchema = z.object({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
  attemptsLeft: z.number().int().positive().max(CODE_ATTEMPTS),
  /** The folder of a sender whose place the new one takes; null: it gets one of its own. */
  replaces: z.string().min(1).max(255).nullable(),
})
type Code = z.infer<typeof codeSchema>

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
  const secret = newSecret()
  const code: Code = {
    hash: hashOfSecret(secret),
    expiresAt: now + LIFETIME_MS,
    attemptsLeft: CODE_ATTEMPTS,
    replaces,
  }
  await replaceFile(path.join(directory, `${randomBytes(8).toString('hex')}.json`), JSON.stringify(code))
  return secret
}

/** What is in the file; `gone`: it is not there any more; `broken`: it is no code. @throws what the system says. */
async function readCode(file: string): Promise<Code | 'gone' | 'broken'> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return 'gone'
    throw thrown
  }
  try {
    return codeSchema.parse(JSON.parse(text))
  } catch {
    return 'broken'
  }
}

/** Made and not yet over; a clock that was set back makes no code live longer. */
function isOpen({ expiresAt }: Code, now: number): boolean {
  return now < expiresAt && expiresAt - now <= LIFETIME_MS
}

/** `unread`: why one could not be read now, if one could not: it may be a good one, and stays. */
async function openCodes(directory: string, now: number) {
  const found = { open: [] as { file: string; code: Code }[], unread: null as unknown }
  let names: string[]
  try {
    names = await readdir(directory)
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return found
    throw thrown
  }
  for (const name of names.filter((one) => one.endsWith('.json')).slice(0, MAX_CODES)) {
    const file = path.join(directory, name)
    try {
      const code = await readCode(file)
      if (code === 'gone') continue
      if (code !== 'broken' && isOpen(code, now)) found.open.push({ file, code })
      else await rm(file, { force: true })
    } catch (thrown) {
      found.unread = thrown
    }
  }
  // A process that ended in the middle of `spend` has left it: nobody is to use it again.
  for (const name of names.filter((one) => one.endsWith(SPENT)))
    await rm(path.join(directory, name), { force: true })
  return found
}

/** Out of the way before it is used, and back if that fails; renaming needs no room on a full disk. */
async function spend<T>(file: string, use: () => Promise<T>): Promise<T> {
  const spent = file + SPENT
  await rename(file, spent)
  let used: T
  try {
    used = await use()
  } catch (thrown) {
    await rename(spent, file)
    throw thrown
  }
  // What stays is removed with the next code that is asked for.
  await rm(spent, { force: true }).catch(() => undefined)
  return used
}

/**
 * Does what the secret of an open code lets its owner do, and uses the code up by that; null: it is no open code's.
 * A wrong secret costs every open code one attempt, as nobody knows which one was meant. Calls must not overlap.
 *
 * @throws what `use` throws, or what the system says where codes cannot be read: the code can be used again then.
 */
export async function redeemCode<T>(
  directory: string,
  secret: string,
  now: number,
  use: (replaces: string | null) => Promise<T>,
): Promise<T | null> {
  const given = Buffer.from(hashOfSecret(secret), 'hex')
  const { open, unread } = await openCodes(directory, now)
  const match = open.filter(({ code }) => timingSafeEqual(Buffer.from(code.hash, 'hex'), given))[0]
  if (match !== undefined) return spend(match.file, () => use(match.code.replaces))
  for (const { file, code } of open) {
    if (code.attemptsLeft <= 1) await rm(file, { force: true })
    else await replaceFile(file, JSON.stringify({ ...code, attemptsLeft: code.attemptsLeft - 1 }))
  }
  if (unread !== null) throw unread
  return null
}
